"""Writes the pipeline of the story into a folder: its files, real data, and what it runs on."""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Sequence
from pathlib import Path

from lastgood.cli.demonstration.docstrings import Row
from lastgood.errors import AlreadyExists, NotFound, of_os_error

HOLDOUT_SHARE = 0.25
FIRST_SHARE = 0.4
"""What part of the rows to learn from is there when the story begins."""

TRAIN = "data/train.jsonl"
HOLDOUT = "data/holdout.jsonl"
CHECKS = "out"
"""Where releases are checked out to be judged; in no component."""

_LOCK = "requirements.lock"
_NEEDED = ("numpy", "pyyaml")
_PARTS = Path(__file__).parent


def prepare_folder(folder: Path) -> None:
    """Make the folder of the story, which must be new or empty.

    Raises:
        AlreadyExists: something is in it.
        NotFound: there is no folder above it.
    """
    try:
        folder.mkdir(exist_ok=True)
        is_empty = next(folder.iterdir(), None) is None
    except FileExistsError:
        is_empty = False
    except FileNotFoundError as error:
        raise NotFound(f"there is no folder {folder.parent}") from error
    except OSError as error:
        raise of_os_error(error, f"{folder} cannot be made") from error
    if not is_empty:
        raise AlreadyExists(f"{folder} is not an empty folder; it was left as it is", hint="lastgood demo --folder DIR, new or empty")


def write_pipeline(folder: Path, rows: Sequence[Row]) -> None:
    """Write everything but the weights, with the first part of the data."""
    _lay_over(_PARTS / "pipeline", folder)
    (folder / "data").mkdir()
    (folder / CHECKS).mkdir()
    first = [row for row in to_learn_from(rows) if row.falls_into(FIRST_SHARE, "first")]
    write_rows(folder / TRAIN, first)
    write_rows(folder / HOLDOUT, [row for row in rows if row.falls_into(HOLDOUT_SHARE, "holdout")])
    locked = (f"{name}=={importlib.metadata.version(name)}\n" for name in _NEEDED)
    (folder / _LOCK).write_text("".join(locked), "utf-8")


def to_learn_from(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that are not held out."""
    return [row for row in rows if not row.falls_into(HOLDOUT_SHARE, "holdout")]


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write a dataset, one row a line."""
    path.write_text("".join(f"{row.to_json()}\n" for row in rows), "utf-8")


def make_warmer(folder: Path) -> None:
    """Edit the prompt and the config as somebody did who wanted the desk to be friendlier."""
    _lay_over(_PARTS / "warmer", folder)


def _lay_over(source: Path, folder: Path) -> None:
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"), copy_function=shutil.copyfile, dirs_exist_ok=True)
