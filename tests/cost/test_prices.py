"""Money is bytes times a price, to the cent, and a price says where it is from."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from lastgood.errors import InvalidWorkspace, NotFound
from lastgood.model.prices import CLASSES, DEFAULT, GB, Prices, cents, class_named
from lastgood.workspace.file import parse_workspace

MONTHLY = [
    ("gcs-standard", 1_000 * GB, "20.00"),
    ("gcs-nearline", 1_000 * GB, "10.00"),
    ("gcs-coldline", 1_000 * GB, "4.00"),
    ("s3-standard", 1_000 * GB, "23.00"),
    ("s3-standard", 1, "0.00"),
    ("s3-standard", 217_391_304, "0.00"),  # 0.00499999992
    ("s3-standard", 217_391_305, "0.01"),  # 0.005000000015, a half is rounded up
    ("s3-standard-ia", 1_234_567_890_123, "15.43"),
    ("s3-glacier-ir", 50_000 * GB, "200.00"),
]
RESTORES = [
    # class, requests, bytes: for requests, for retrieval, for egress, all
    ("gcs-standard", 10_000, 100 * GB, ("0.00", "0.00", "12.00", "12.00")),
    ("gcs-standard", 1_000_000, GB, ("0.40", "0.00", "0.12", "0.52")),
    ("gcs-nearline", 10_000, 100 * GB, (None, "1.00", "12.00", "13.00")),
    ("gcs-coldline", 1, 250 * GB, (None, "5.00", "30.00", "35.00")),
    ("s3-standard", 2_500_000, 100 * GB, ("1.00", "0.00", None, "1.00")),
    ("s3-glacier-ir", 5, 100 * GB, (None, None, None, "0.00")),
]


@pytest.mark.parametrize(("name", "kept", "costs"), MONTHLY)
def test_a_month_costs(name: str, kept: int, costs: str) -> None:
    assert cents(class_named(name).month(kept)) == Decimal(costs)


@pytest.mark.parametrize(("name", "requests", "fetched", "costs"), RESTORES)
def test_a_restore_costs(name: str, requests: int, fetched: int, costs: tuple[str | None, ...]) -> None:
    found = class_named(name).restore(requests=requests, fetched=fetched)
    amounts = (found.for_requests, found.for_retrieval, found.for_egress, found.total)
    assert tuple(None if one is None else str(cents(one)) for one in amounts) == costs
    assert found.unpriced == [name for name, one in zip(("requests", "retrieval", "egress"), amounts, strict=False) if one is None]


def test_every_class_says_where_its_prices_are_from_and_the_default_knows_all() -> None:
    for one in CLASSES.values():
        assert one.source
        assert len(one.read_on) == len("2026-09-20")
    assert None not in {DEFAULT.per_1000_gets, DEFAULT.per_gb_retrieved, DEFAULT.per_gb_egress}
    with pytest.raises(NotFound, match="gcs-standard"):
        class_named("floppy")


def said_by(table: str) -> Prices:
    found = prices_of(table)
    assert found is not None
    return found


def prices_of(table: str) -> Prices | None:
    return parse_workspace(f'pipeline = "bot"\n{table}'.encode(), Path("/nowhere")).prices


def test_a_workspace_says_its_prices() -> None:
    assert prices_of("") is None
    assert prices_of('[prices]\nclass = "s3-standard"') == CLASSES["s3-standard"]
    other = said_by('[prices]\nclass = "s3-standard"\nper_gb_egress = 0.09')
    assert (other.per_gb_month, other.per_gb_egress) == (Decimal("0.023"), Decimal("0.09"))
    assert "changed in lastgood.toml" in other.said
    own = said_by('[prices]\ncurrency = "EUR"\nper_gb_month = "0.0045"')
    assert (own.name, own.currency, own.per_gb_month, own.per_gb_egress) == ("own", "EUR", Decimal("0.0045"), Decimal(0))


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("", "needs per_gb_month"),
        ("per_gb_month = 1", "needs currency"),
        ('currency = "EUR"', "needs per_gb_month"),
        ('class = "floppy"', "must be one of own, gcs-standard"),
        ('class = "s3-standard"\ncurrency = "EUR"', "has prices in USD"),
        ('currency = "euro"\nper_gb_month = 1', "three capital letters"),
        ('currency = "EUR"\nper_gb_month = -1', "from 0 to"),
        ('currency = "EUR"\nper_gb_month = nan', "from 0 to"),
        ('currency = "EUR"\nper_gb_month = inf', "from 0 to"),
        ('currency = "EUR"\nper_gb_month = true', "must be an amount"),
        ('currency = "EUR"\nper_gb_month = "cheap"', "must be an amount"),
        ('currency = "EUR"\nper_gb_month = 10000000', "from 0 to"),
        ('currency = "EUR"\nper_gb_month = 1\nper_gb_mouth = 2', "did you mean per_gb_month"),
        ("storage = 3", "unknown key"),
    ],
)
def test_prices_that_make_no_sense_are_refused(table: str, says: str) -> None:
    with pytest.raises(InvalidWorkspace) as refused:
        prices_of(f"[prices]\n{table}\n")
    assert says in refused.value.message
