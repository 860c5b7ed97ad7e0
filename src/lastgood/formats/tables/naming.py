"""What a file's name says of it as a table.

>>> table_format("data/train.jsonl").value, table_format("notes.txt")
('JSONL', None)
"""

from __future__ import annotations

from enum import StrEnum


class TableFormat(StrEnum):
    """The formats of tables, by the name that people know them under."""

    JSONL = "JSONL"
    CSV = "CSV"
    TSV = "TSV"
    PARQUET = "Parquet"


_BY_SUFFIX = {
    "jsonl": TableFormat.JSONL,
    "ndjson": TableFormat.JSONL,
    "csv": TableFormat.CSV,
    "tsv": TableFormat.TSV,
    "tab": TableFormat.TSV,
    "parquet": TableFormat.PARQUET,
    "pq": TableFormat.PARQUET,
}


def table_format(path: str) -> TableFormat | None:
    """Tell a table's format from its name, or None where the name says nothing."""
    name = path.rpartition("/")[2].lower()
    return _BY_SUFFIX.get(name.rpartition(".")[2]) if "." in name else None
