"""Where the text comes from: the sources of the standard library, and nothing but the sources."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from lastgood.cli.demonstration.docstrings import SHELVES, Row, collect_rows
from lastgood.errors import NotFound


def test_rows_are_several_thousand_and_each_is_one_of_its_kind(rows: list[Row]) -> None:
    assert len(rows) > 2000
    assert len({row.id for row in rows}) == len({row.text for row in rows}) == len(rows)
    assert {row.shelf for row in rows} == set(SHELVES)


def test_a_row_is_what_the_documentation_says(rows: list[Row]) -> None:
    import queue

    row = next(row for row in rows if row.id == "queue.Queue.qsize")

    assert row.shelf == "concurrency"
    assert queue.Queue.qsize.__doc__ is not None
    assert row.text.split() == queue.Queue.qsize.__doc__.split()


def test_a_split_is_about_as_large_as_asked_for_and_stays(rows: list[Row]) -> None:
    held_out = [row.id for row in rows if row.falls_into(0.25, "holdout")]

    assert 0.2 < len(held_out) / len(rows) < 0.3
    assert held_out == [row.id for row in rows if row.falls_into(0.25, "holdout")]
    assert held_out != [row.id for row in rows if row.falls_into(0.25, "first")]


def test_a_python_that_strips_its_docstrings_still_has_the_text(rows: list[Row]) -> None:
    ask = (
        "import sys; from pathlib import Path; from lastgood.cli.demonstration.docstrings import collect_rows;"
        "print(len(collect_rows(Path(sys.argv[1]))))"
    )
    found = subprocess.run([sys.executable, "-OO", "-c", ask, sysconfig.get_path("stdlib")], stdout=subprocess.PIPE, check=True)

    assert int(found.stdout) == len(rows)


def test_a_python_without_sources_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="sources of Python's standard library") as caught:
        collect_rows(tmp_path)

    assert caught.value.hint
