"""What the tests of datasets share: tables made of rows, two of them compared, and what is drawn of that.

compared({"t.jsonl": lines({"id": 1})}, {"t.jsonl": lines({"id": 2})}).summary
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lastgood.compare.change import ComponentChange
from lastgood.compare.components import compare_component
from lastgood.compare.showing import Line, Table
from lastgood.model.component import Kind
from tests.compare.sides import NAME, Files, Kept


def compared(old: Files, new: Files, key: str | None = "id", kept: Kept | None = None) -> ComponentChange:
    kept = kept or Kept()
    return compare_component(NAME, kept.side(Kind.DATASET, old, key=key), kept.side(Kind.DATASET, new, key=key), kept)


def lines(*rows: Mapping[str, object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def parquet(query: str) -> bytes:
    import duckdb

    path = f"{tempfile.tempdir}/made.parquet"
    duckdb.connect().execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    data = Path(path).read_bytes()
    Path(path).unlink()
    return data


def shown(change: ComponentChange, *, everything: bool = False) -> str:
    """Write what is drawn of a change as plain text."""
    found = []
    for detail in change.details:
        for block in detail.shown(everything=everything):
            if isinstance(block, Line):
                found.append("".join(span.text for span in block.spans))
            else:
                assert isinstance(block, Table)
                found += [" | ".join(row) for row in (block.headers, *block.rows)]
    return "\n".join(found)
