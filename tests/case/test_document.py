"""docs/case.md says what the code does: every input with its default and its source, every verdict, an example that is right."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from lastgood.formats.case_file import read_case_file
from lastgood.model.case import CURRENCY
from lastgood.model.chance import DRAWS
from lastgood.model.estimates import INPUTS
from lastgood.model.payback import LOOK_AGAIN_DAYS, Verdict

PAGE = (Path(__file__).parents[2] / "docs" / "case.md").read_text()


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_stands_there_with_its_default_and_its_source(name: str) -> None:
    what = INPUTS[name]
    found = re.findall(rf"^\| `{name}` \| (.*) \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)
    assert len(found) == 1
    label, default, source = found[0]
    assert label.startswith(what.label)
    numbers = [Decimal(one.replace(",", "").strip("*")) for one in default.split(" · ")]
    assert numbers == ([what.default.likely] if what.default.is_point else [what.default.low, what.default.likely, what.default.high])
    assert source == what.source


def test_what_a_greater_input_does_stands_there() -> None:
    assert [name for name, what in INPUTS.items() if not re.search(rf"^\|.*`{name}`.*\| {what.moves} \|$", PAGE, re.MULTILINE)] == []


def test_verdicts_and_numbers_stand_there() -> None:
    assert [one.value for one in Verdict if f"| *{one.value}* |" not in PAGE] == []
    assert f"{DRAWS:,} times" in PAGE
    assert f"{LOOK_AGAIN_DAYS} days on" in PAGE
    assert f"Amounts are in {CURRENCY} unless" in PAGE


def test_the_example_of_a_file_is_right() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    found = read_case_file(example.encode(), "case.toml")
    assert found.production
    assert len(found.incidents) == 1
