"""Real text that is at hand on every machine: the docstrings and the source files of the Python that is installed.

What is found depends on the Python and on the packages beside it, so two machines may measure different bytes; on one
machine they are always the same. `sentences` are the docstrings' sentences, one docstring a list.
"""

from __future__ import annotations

import ast
import re
import sysconfig
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

# A sentence ends at a stop that a capital follows, or where a paragraph does.
_END_OF_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])|\n\s*\n")
_FEWEST_WORDS, _MOST_WORDS = 5, 60
_MOST_BYTES_OF_A_FILE = 400_000


def source_files(packages: tuple[str, ...] = ()) -> list[Path]:
    """Name the Python files of the standard library, and of installed packages, in a fixed order."""
    standard = Path(sysconfig.get_path("stdlib"))
    installed = Path(sysconfig.get_path("purelib"))
    found = [path for path in sorted(standard.rglob("*.py")) if not _is_apart(path.relative_to(standard))]
    for package in packages:
        found += sorted((installed / package).rglob("*.py"))
    return [path for path in found if path.stat().st_size <= _MOST_BYTES_OF_A_FILE]


def _is_apart(path: Path) -> bool:
    return path.parts[0] in {"site-packages", "dist-packages", "lib2to3"} or "test" in path.parts or "tests" in path.parts


@cache
def sentences(packages: tuple[str, ...] = ()) -> tuple[tuple[str, ...], ...]:
    """Return every docstring that has two sentences or more, as its sentences."""
    found = (tuple(_sentences_of(text)) for path in source_files(packages) for text in _docstrings(path))
    return tuple(dict.fromkeys(one for one in found if len(one) > 1))


@cache
def sentences_by_module(fewest: int) -> dict[str, tuple[str, ...]]:
    """Return the sentences of each module of the standard library that has some, by its name; no sentence twice."""
    found: dict[str, dict[str, None]] = {}
    for path in source_files():
        said = (sentence for text in _docstrings(path) for sentence in _sentences_of(text))
        found.setdefault(path.stem, {}).update(dict.fromkeys(said))
    return {name: tuple(one) for name, one in found.items() if len(one) >= fewest}


def _docstrings(path: Path) -> Iterator[str]:
    with warnings.catch_warnings():
        # Old files have escapes that today's compiler warns of; they are read, not run.
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (text := ast.get_docstring(node)):
            yield text


def _sentences_of(text: str) -> Iterator[str]:
    for sentence in _END_OF_SENTENCE.split(text):
        words = sentence.split()
        if _FEWEST_WORDS <= len(words) <= _MOST_WORDS and ">>>" not in words:
            yield " ".join(words)
