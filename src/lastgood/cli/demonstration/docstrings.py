"""Real text with labels: the documentation inside the standard library, by the area that each module belongs to.

Read from the sources, never imported, so what `-OO` strips is still there. Which rows there are, their order and on
which side of a split each one stands depend on the Python alone.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lastgood.errors import NotFound

SHELVES: Mapping[str, tuple[str, ...]] = {
    "text": tuple("argparse cmd codecs difflib getopt gettext html locale optparse pprint re reprlib shlex string textwrap".split()),
    "files": tuple("_pyio bz2 filecmp fileinput fnmatch genericpath glob gzip lzma ntpath os pathlib posixpath".split())
    + tuple("shutil tarfile tempfile zipapp zipfile zipimport".split()),
    "network": tuple("ftplib http imaplib ipaddress poplib selectors smtplib socket socketserver ssl urllib webbrowser".split())
    + tuple("wsgiref xmlrpc".split()),
    "mail": tuple("base64 email mailbox mimetypes quopri".split()),
    "numbers": tuple("_pydecimal bisect colorsys fractions hashlib heapq hmac numbers random secrets statistics uuid".split()),
    "concurrency": tuple("asyncio concurrent multiprocessing queue sched subprocess threading".split()),
    "data": tuple("configparser copy csv dbm json pickle pickletools plistlib shelve sqlite3 tomllib xml".split()),
    "testing": tuple("bdb cProfile doctest logging pdb profile pstats timeit trace traceback tracemalloc unittest warnings".split()),
}
"""Which modules stand on which shelf; a Python need not have all of them."""

FEWEST_WORDS = 5
MOST_WORDS = 60
FEWEST_ROWS = 40
"""A shelf with fewer texts than this cannot be learned."""

_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Row:
    """One documented thing: its name, its shelf, and the beginning of what is written about it."""

    id: str
    shelf: str
    text: str

    def to_json(self) -> str:
        """Return it as one line of ASCII, so that no program's idea of a locale matters."""
        return json.dumps({"id": self.id, "shelf": self.shelf, "text": self.text})

    def falls_into(self, share: float, purpose: str) -> bool:
        """Say whether it belongs to such a share of all rows, by its name and for ever."""
        drawn = hashlib.sha256(f"{purpose}:{self.id}".encode()).digest()
        return int.from_bytes(drawn[:4]) < share * 2**32


def collect_rows(root: Path) -> list[Row]:
    """Return every documented thing of the modules on the shelves.

    Args:
        root: the folder of the standard library.

    Raises:
        NotFound: this Python came without the sources of its standard library.
    """
    rows: list[Row] = []
    known: set[str] = set()
    for row in _rows_below(root):
        # Many classes repeat a docstring; twice the same text would be learned and asked for.
        if row.id not in known and row.text not in known:
            known |= {row.id, row.text}
            rows.append(row)
    found = Counter(row.shelf for row in rows)
    if any(found[shelf] < FEWEST_ROWS for shelf in SHELVES):
        raise NotFound(
            f"the demo learns from the sources of Python's standard library, and {root} does not have enough of them",
            hint="run lastgood demo with a Python that has them, as most do",
            details={"rows": dict(found)},
        )
    return rows


def _rows_below(root: Path) -> Iterator[Row]:
    for shelf, modules in SHELVES.items():
        for path in (path for module in modules for path in _sources(root, module)):
            name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
            for thing, documentation in _documented(ast.parse(path.read_bytes()), name):
                words = _words(documentation)
                if len(words) >= FEWEST_WORDS:
                    yield Row(thing, shelf, " ".join(words))


def _sources(root: Path, module: str) -> Iterable[Path]:
    one = root / f"{module}.py"
    return [one] if one.is_file() else sorted(path for path in (root / module).rglob("*.py") if "test" not in path.parent.name)


def _documented(node: _Documented, name: str) -> Iterator[tuple[str, str]]:
    documentation = ast.get_docstring(node)
    if documentation:
        yield name, documentation
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for child in _children(node.body):
        yield from _documented(child, f"{name}.{child.name}")


def _children(body: list[ast.stmt]) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    for statement in body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement
        elif isinstance(statement, ast.If | ast.Try):
            yield from _children([*statement.body, *statement.orelse])


def _words(documentation: str) -> list[str]:
    paragraphs = (part for part in documentation.split("\n\n") if ">>>" not in part)
    return " ".join(paragraphs).split()[:MOST_WORDS]
