"""Suites: whether scores can still be compared, which cases came, went or changed, and what cannot be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.compare.change import Note
from lastgood.compare.components import compare_component
from lastgood.compare.ranking import COSMETIC
from lastgood.compare.suites import CaseChanges, ScorerChange
from lastgood.errors import Invalid
from lastgood.formats.cases import read_cases
from lastgood.model.component import Kind
from tests.compare.sides import NAME, Files, Kept, compare_files_of

NOT = "scores before and after are not comparable"
RUN = "python evals/run.py --judge evals/judge.yaml"


def lines(*cases: Mapping[str, object]) -> str:
    return "".join(json.dumps(case) + "\n" for case in cases)


C1, C2, C3 = ({"id": f"c{number}", "input": f"question {number}", "expected": "yes"} for number in (1, 2, 3))
SUITE: Files = {"evals/run.py": "print(1)\n", "evals/cases.jsonl": lines(C1, C2), "evals/README.md": "Ask Ada.\n"}


@dataclass(frozen=True)
class Case:
    name: str
    new: Files
    summary: str
    old: Files = ()  # type: ignore[assignment]  # of SUITE, where a case says nothing


CASES = (
    Case("a case added", {"evals/cases.jsonl": lines(C1, C2, C3)}, "cases.jsonl: 1 case added (c3)"),
    Case("a case removed", {"evals/cases.jsonl": lines(C2)}, "cases.jsonl: 1 case removed (c1)"),
    Case("a case changed", {"evals/cases.jsonl": lines(C1, {**C2, "expected": "no"})}, "cases.jsonl: 1 case changed (c2)"),
    Case(
        "all three",
        {"evals/cases.jsonl": lines({**C2, "expected": "no"}, C3)},
        "cases.jsonl: 1 case added (c3), 1 case removed (c1), 1 case changed (c2)",
    ),
    Case("another order", {"evals/cases.jsonl": lines(C2, C1)}, "cases.jsonl: only the order or layout of its cases changed"),
    Case("the runner", {"evals/run.py": "print(2)\n"}, f'the scorer changed (run.py): {NOT}; run.py: line 1: "print(1)" → "print(2)"'),
    Case(
        "the runner and a case",
        {"evals/run.py": "print(2)\n", "evals/cases.jsonl": lines(C1)},
        f'the scorer changed (run.py): {NOT}; cases.jsonl: 1 case removed (c2); run.py: line 1: "print(1)" → "print(2)"',
    ),
    Case("code that came", {"evals/metrics.py": "x"}, f"the scorer changed (metrics.py): {NOT}; metrics.py added (1 byte)"),
    Case(
        "the prompt of a judge",
        {"evals/judge.md": "Be strict."},
        f'the scorer changed (judge.md): {NOT}; judge.md: line 1: "Be kind." → "Be strict."',
        {"evals/judge.md": "Be kind."},
    ),
    Case(
        "a config of the scorer",
        {"evals/judge.yaml": "threshold: 0.7"},
        f'the scorer changed (judge.yaml): {NOT}; judge.yaml: line 1: "threshold: 0.5" → "threshold: 0.7"',
        {"evals/judge.yaml": "threshold: 0.5"},
    ),
    Case("what nobody runs", {"evals/README.md": "Ask Bob.\n"}, 'README.md: line 1: "Ask Ada." → "Ask Bob."'),
    Case(
        "CSV",
        {"evals/cases.csv": "id,expected\n1,no\n3,yes\n"},
        "cases.csv: 1 case added (3), 1 case removed (2), 1 case changed (1)",
        {"evals/cases.csv": "id,expected\n1,yes\n2,yes\n"},
    ),
    Case(
        "JSON with a list",
        {"evals/suite.json": json.dumps({"cases": [C1, C3]})},
        "suite.json: 1 case added (c3), 1 case removed (c2)",
        {"evals/suite.json": json.dumps({"cases": [C1, C2]})},
    ),
    Case(
        "YAML",
        {"evals/suite.yaml": "tests: [{name: a, want: 2}]"},
        "suite.yaml: 1 case changed (a)",
        {"evals/suite.yaml": "tests: [{name: a, want: 1}]"},
    ),
    Case(
        "cases without names",
        {"evals/cases.jsonl": lines({"q": "a"}, {"q": "c"}, {"q": "d"})},
        "cases.jsonl: 2 cases added, 1 case removed",
        {"evals/cases.jsonl": lines({"q": "a"}, {"q": "b"})},
    ),
    Case(
        "names that stand twice",
        {"evals/cases.jsonl": lines({"id": 1, "q": "a"}, {"id": 1, "q": "b"})},
        "cases.jsonl: 1 case added",
        {"evals/cases.jsonl": lines({"id": 1, "q": "a"})},
    ),
    Case(
        "broken lines",
        {"evals/cases.jsonl": '{"id": "c1"\n'},
        "cases.jsonl: is not valid JSON lines, line 1: this is not valid JSON: Expecting ',' delimiter: line 1 column 12 (char 11),"
        ' compared as text; cases.jsonl: line 1: "{"id": "c1"}" → "{"id": "c1""',
        {"evals/cases.jsonl": '{"id": "c1"}\n'},
    ),
    Case(
        "a broken table",
        {"evals/cases.csv": "id,x\n1\n"},
        'cases.csv: is not a valid table, line 2: 1 cells, and 2 columns, compared as text; cases.csv: line 2: "1,2" → "1"',
        {"evals/cases.csv": "id,x\n1,2\n"},
    ),
    Case(
        "no text at all",
        {"evals/cases.jsonl": b"\x00\xff"},
        "cases.jsonl changed (110 bytes → 2 bytes), it is binary: compared by its digest only",
    ),
    Case(
        "an escape sequence",
        {"evals/cases.jsonl": lines({**C1, "id": "\x1b[31m"}, C2)},
        "cases.jsonl: 1 case added (\\x1b[31m), 1 case removed (c1)",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_said(case: Case) -> None:
    kept = Kept()
    old = kept.side(Kind.EVAL, {**SUITE, **dict(case.old)}, run=RUN)
    new = kept.side(Kind.EVAL, {**SUITE, **dict(case.old), **case.new}, run=RUN)
    change = compare_component(NAME, old, new, kept)
    assert change.summary == case.summary
    for detail in change.details:
        assert json.loads(json.dumps(detail.to_json()))["type"] in {"cases", "scorer", "text", "note", "file"}
        assert list(detail.shown())


@pytest.mark.parametrize(
    ("field", "old", "new", "said"),
    [
        ("run", "python a.py", "python b.py", f"the scorer changed (its run): {NOT}; run python a.py → python b.py"),
        ("on", "holdout", "fresh", f"it runs on other data: {NOT}; on holdout → fresh"),
    ],
)
def test_the_command_and_the_data_decide_as_well(field: str, old: str, new: str, said: str) -> None:
    kept = Kept()
    sides = [kept.side(Kind.EVAL, {"evals/cases.jsonl": "{}"}, frozenset(), **{field: value}) for value in (old, new)]
    assert compare_component(NAME, sides[0], sides[1], kept).summary == said


def test_a_file_that_is_run_is_the_scorer_whatever_it_is_called() -> None:
    kept = Kept()
    sides = [kept.side(Kind.EVAL, {"evals/tool": text}, run="./evals/tool --fast") for text in ("a", "b")]
    assert compare_component(NAME, sides[0], sides[1], kept).summary.startswith("the scorer changed (tool)")


def test_a_case_is_told_with_the_fields_that_changed() -> None:
    change = compare_files_of(Kind.EVAL, {"e/c.jsonl": lines(C1)}, {"e/c.jsonl": lines({**C1, "expected": "no", "tag": 1})})
    (cases,) = change.details
    assert isinstance(cases, CaseChanges)
    assert cases.to_json() == {
        "type": "cases",
        "path": "e/c.jsonl",
        "key": "id",
        "added": [],
        "removed": [],
        "changed": [{"case": "c1", "fields": [{"field": "expected", "old": "yes", "new": "no"}, {"field": "tag", "old": None, "new": 1}]}],
        "kept": 0,
    }


def test_types_are_no_values() -> None:
    change = compare_files_of(Kind.EVAL, {"c.jsonl": '{"id": "a", "want": 1}'}, {"c.jsonl": '{"id": "a", "want": true}'})
    assert change.summary == "c.jsonl: 1 case changed (a)"


def test_only_what_scores_makes_scores_incomparable() -> None:
    changed = compare_files_of(Kind.EVAL, {**SUITE}, {**SUITE, "evals/cases.jsonl": lines(C1)})
    assert not any(isinstance(detail, ScorerChange) for detail in changed.details)
    layout = compare_files_of(Kind.EVAL, {**SUITE}, {**SUITE, "evals/cases.jsonl": lines(C2, C1)})
    assert (changed.rank >= COSMETIC, layout.rank >= COSMETIC) == (False, True)


def test_many_cases_are_cut_and_counted() -> None:
    old = lines(*({"id": f"c{number}", "want": 1} for number in range(500)))
    new = lines(*({"id": f"c{number}", "want": 2} for number in range(500)))
    change = compare_files_of(Kind.EVAL, {"c.jsonl": old}, {"c.jsonl": new})
    assert change.summary == "c.jsonl: 500 cases changed (c0, c1, c2, …)"
    (cases,) = change.details
    assert len(list(cases.shown())) < 20
    assert len(list(cases.shown(everything=True))) > 500


def test_a_case_that_cannot_be_read_is_noted() -> None:
    change = compare_files_of(Kind.EVAL, {"c.jsonl": "[1]\n"}, {"c.jsonl": '{"id": 1}\n'})
    assert Note("c.jsonl", "is not valid JSON lines, line 1: it is no object, compared as text") in change.details


@given(st.binary(max_size=100), st.sampled_from(["c.jsonl", "c.csv", "c.json", "c.yaml", "c.tsv"]))
def test_whatever_stands_there_is_read_or_refused(data: bytes, path: str) -> None:
    with suppress(Invalid):
        cases = read_cases(path, data)
        assert cases is None or cases.by_name
