"""Shifts of columns: the tests against published and computed values, and what is said of a shifted column."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from lastgood.canonical import Json
from lastgood.compare.change import ComponentChange
from lastgood.compare.components import compare_component
from lastgood.compare.tables.column_shifts import ShiftChange
from lastgood.compare.tables.statistics import chi_squared, cramers_v, kolmogorov_smirnov, stability, upper_gamma
from lastgood.model.component import Kind
from tests.compare.sides import NAME, Kept

Rows = list[dict[str, Json]]


@pytest.mark.parametrize(
    ("statistic", "freedom", "p"),
    # The usual table of critical values.
    [(3.841, 1, 0.05), (6.635, 1, 0.01), (10.828, 1, 0.001), (18.307, 10, 0.05), (124.342, 100, 0.05), (43.188, 60, 0.95), (0.0, 3, 1.0)],
)
def test_chi_squared_has_its_tabulated_values(statistic: float, freedom: int, p: float) -> None:
    assert upper_gamma(freedom / 2, statistic / 2) == pytest.approx(p, rel=2e-3)


def test_chi_squared_and_cramers_v_of_a_table() -> None:
    # 2 × 2: n (ad - bc)² / ((a+b)(c+d)(a+c)(b+d)), and the square root of that over n.
    test = chi_squared([30, 70], [45, 55])

    assert test.statistic == pytest.approx(200 * (30 * 55 - 70 * 45) ** 2 / (100 * 100 * 75 * 125))
    assert test.freedom == 1
    assert cramers_v(test, 200) == pytest.approx((test.statistic / 200) ** 0.5)


def test_rare_categories_are_pooled() -> None:
    assert chi_squared([100, 100, 1, 2, 3, 4], [100, 100, 4, 3, 2, 1]).freedom == 2
    assert chi_squared([10], [20]).p == 1.0
    assert chi_squared([], []).p == 1.0


def test_kolmogorov_smirnov_of_small_samples() -> None:
    old, new = np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0, 5.0, 6.0])

    assert kolmogorov_smirnov(old, new).statistic == 0.5
    assert kolmogorov_smirnov(old, old).p == 1.0
    assert kolmogorov_smirnov(old, np.array([])).statistic == 0.0


def test_kolmogorov_smirnov_has_its_critical_value() -> None:
    # 1.358 √((n + m) / nm) is the critical value at 5% of large samples.
    size = 5_000
    old = np.arange(size, dtype=float)
    shift = 1.358 * (2 / size) ** 0.5 * size

    assert kolmogorov_smirnov(old, old + shift).p == pytest.approx(0.05, rel=0.05)


def test_stability_of_shifted_deciles() -> None:
    old = np.arange(10_000, dtype=float)

    assert stability(old, old) == pytest.approx(0, abs=1e-9)
    # Each of ten shares is 0.1 before; one tenth moves from the first bin to the last.
    assert stability(old, np.concatenate([old[1_000:], old[-1_000:]])) == pytest.approx(
        (0 - 0.1) * np.log(0.5 / 1_000) + 0.1 * np.log(2), rel=0.01
    )
    assert stability(np.ones(50), np.ones(80)) == pytest.approx(0, abs=2e-3)


def compared(old: Rows, new: Rows, form: str = "jsonl") -> ComponentChange:
    def files(rows: Rows) -> dict[str, str | bytes]:
        if form == "jsonl":
            return {"t.jsonl": "".join(json.dumps(row) + "\n" for row in rows)}
        names = list(rows[0])
        return {"t.csv": "\n".join([",".join(names), *(",".join(str(row[name]) for name in names) for row in rows)])}

    kept = Kept()
    return compare_component(NAME, kept.side(Kind.DATASET, files(old), key="id"), kept.side(Kind.DATASET, files(new), key="id"), kept)


def rows_of(seed: int, size: int = 2_000, *, refunds: float = 0.12, score: float = 0.0, words: int = 20, flag: float = 0.5) -> Rows:
    chance = random.Random(seed)
    return [
        {
            "id": n,
            "label": "refund" if chance.random() < refunds else "other",
            "score": round(chance.gauss(score, 1), 6),
            "text": "word " * chance.randint(1, words),
            "flag": chance.random() < flag,
        }
        for n in range(size)
    ]


def said(change: ComponentChange) -> list[str]:
    shifts = [detail for detail in change.details if isinstance(detail, ShiftChange)]
    return [shift.phrase() for one in shifts for shift in one.shifts[: one.notable]]


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_what_did_not_shift_is_not_said(form: str) -> None:
    assert said(compared(rows_of(1), rows_of(2), form)) == []


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_labels_that_shift_are_said(form: str) -> None:
    assert said(compared(rows_of(1), rows_of(2, refunds=0.3), form)) == ["label: refund 11.5% → 28.2%, other 88.5% → 71.8%"]


def test_one_label_in_a_hundred_is_said_as_rows_and_not_as_a_shift() -> None:
    old = rows_of(1)
    new = [row | {"label": "refund"} if row["label"] == "other" and int(str(row["id"])) % 100 == 0 else row for row in old]

    assert compared(old, new).summary == "18 rows changed (0.9%), all in label: other → refund 18"


def test_a_label_that_comes_is_said() -> None:
    old = rows_of(1)
    new = [row | {"label": "chargeback"} if row["label"] == "refund" else row for row in old]

    assert said(compared(old, new)) == ["label: chargeback is new (11.5%), refund is gone (was 11.5%)"]


def test_labels_that_go_missing_are_said() -> None:
    old = rows_of(1)
    new = [row | {"label": None} if row["id"] in range(300) else row for row in old]

    assert "(none) is new (15.0%)" in said(compared(old, new))[0]


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_numbers_that_drift_are_said(form: str) -> None:
    [phrase] = said(compared(rows_of(1), rows_of(2, score=0.6), form))

    assert phrase.startswith("score: median ")
    assert phrase.endswith("(PSI 0.40, large, KS 0.25)")


def test_texts_that_get_longer_are_said() -> None:
    [phrase] = said(compared(rows_of(1), rows_of(2, words=60)))

    assert phrase.startswith("text: length: median 50 → 155 (")


def test_numbers_that_only_tell_rows_apart_do_not_drift() -> None:
    old, new = ([row | {"line": at} for at, row in enumerate(rows)] for rows in (rows_of(1, 1_000), rows_of(1, 3_000)))

    assert said(compared(old, new)) == []


def test_booleans_are_categories() -> None:
    assert said(compared(rows_of(1), rows_of(2, flag=0.8)))[0].startswith("flag: ")


def test_everything_that_was_measured_stands_in_the_details() -> None:
    change = compared(rows_of(1), rows_of(2))
    [shift] = [detail for detail in change.details if isinstance(detail, ShiftChange)]
    measured = {one.column for one in shift.shifts}

    assert measured == {"label", "score", "text", "flag"}
    assert {column["column"]: column["notable"] for column in shift.to_json()["columns"]} == dict.fromkeys(measured, False)  # type: ignore[index, union-attr, call-overload]
    assert len(list(shift.shown(everything=True))) > len(list(shift.shown()))


def test_the_same_tables_give_the_same_numbers() -> None:
    changes = [compared(rows_of(1), rows_of(2, score=0.3)) for _ in range(2)]

    assert changes[0].to_json() == changes[1].to_json()
