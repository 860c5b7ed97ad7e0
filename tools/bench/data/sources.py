"""20,000 small files of source text in three versions, 200 of them changed from one to the next.

Each file is a piece of a real one, of some kilobytes, cut at the ends of lines; pieces are taken from the standard
library first, then from the packages of the bench. Should they run out, they are taken again with one line more at the
top, so that no two files are alike.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from tools.bench.data import text

VERSIONS = 3
CHANGED = 200
FILES_A_FOLDER = 100
_BYTES_A_PIECE = range(1_000, 6_800)
_PACKAGES = ("numpy", "torch", "pyarrow", "matplotlib", "sympy")


def pieces(files: list[Path], seed: int = 5) -> Iterator[str]:
    """Cut files into pieces without end; no two pieces are alike."""
    draw = random.Random(seed)
    seen: set[str] = set()
    for lap in count():
        for path in files:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
            for piece in _cut(lines, draw):
                piece = f"# lap {lap}\n{piece}" if lap else piece  # noqa: PLW2901 - the piece as it is given out
                if piece not in seen:
                    seen.add(piece)
                    yield piece


def _cut(lines: list[str], draw: random.Random) -> Iterator[str]:
    piece, room = "", draw.choice(_BYTES_A_PIECE)
    for line in lines:
        piece += line
        if len(piece) >= room:
            yield piece
            piece, room = "", draw.choice(_BYTES_A_PIECE)
    if piece.strip():
        yield piece


def edit(source: str, number: int) -> str:
    """Change a file as a small commit does: a line in its middle is followed by a new one."""
    lines = source.splitlines(keepends=True)
    middle = len(lines) // 2
    return "".join([*lines[:middle], f"# changed in version {number}\n", *lines[middle:]])


def name(number: int) -> str:
    """Name the n-th file."""
    return f"{number // FILES_A_FOLDER:04}/module_{number:05}.py"


def make(into: Path, files: int, changed: int = CHANGED) -> None:
    """Write the series: every version whole, as a workspace would be at that time."""
    draw = random.Random(11)
    texts = list(islice(pieces(text.source_files(_PACKAGES)), files))
    for version in range(1, VERSIONS + 1):
        if version > 1:
            for place in draw.sample(range(files), changed):
                texts[place] = edit(texts[place], version)
        for place, source in enumerate(texts):
            path = into / f"v{version:02}" / name(place)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
