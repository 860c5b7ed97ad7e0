"""docs/cost.md says what the code does: every class with its prices and their source, every sort of bytes."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from lastgood.model.forecast import FEWEST_DAYS
from lastgood.model.prices import CLASSES, DEFAULT
from lastgood.model.usage import FolderBytes
from lastgood.workspace.price_table import PricesTable

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "cost.md").read_text()


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_stands_there_with_its_prices_and_their_source(name: str) -> None:
    one = CLASSES[name]
    (row,) = re.findall(rf"^\| `{name}` \| (.*) \|$", PAGE, re.MULTILINE)
    *amounts, source, read_on = row.split(" | ")
    found = [None if text == "not known" else Decimal(text.removesuffix(f" {one.currency}")) for text in amounts]
    assert found == [one.per_gb_month, one.per_1000_gets, one.per_gb_retrieved, one.per_gb_egress]
    assert (source, read_on) == (one.source, one.read_on)


def test_the_rest_stands_there() -> None:
    assert [name for name in FolderBytes().sorts() if f"| `{name}` |" not in PAGE] == []
    assert f"list prices of `{DEFAULT.name}` are taken" in PAGE
    assert f"Below {FEWEST_DAYS} days of history" in PAGE
    workspace = (DOCS / "workspace-file.md").read_text().partition("## Prices")[2]
    assert [name for name in PricesTable.KEYS if f"| `{name}` |" not in workspace] == []
