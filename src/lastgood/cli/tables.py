r"""Plain tables, drawn without rich: a log of 500 releases takes a millisecond and not a third of a second.

They look as rich draws them; what does not fit on a terminal, so that cells must be folded, is still drawn by rich.

    >>> print("\n".join(line.rstrip() for line in plain_table(("", "who"), [("r2", "ana"), ("r1", "ben@example.org")]) or ()))
         who
    ────────────────────
    r2   ana
    r1   ben@example.org
"""

from __future__ import annotations

from collections.abc import Sequence

_BETWEEN = "   "


def plain_table(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> list[str] | None:
    """Return the lines of a table whose cells are safe to print; None where one does not fit.

    Args:
        headers: of the columns.
        rows: of as many cells each.
        width: how many characters a line may have; None for any number.
    """
    if any("\n" in cell for row in rows for cell in row):
        return None
    sizes = [[_cells(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(column) for column in zip(*sizes, strict=True)]
    whole = sum(widths) + len(_BETWEEN) * (len(widths) - 1)
    if width is not None and whole > width:
        return None
    lines = [
        _BETWEEN.join(cell + " " * (most - size) for cell, size, most in zip(row, found, widths, strict=True))
        for row, found in zip((headers, *rows), sizes, strict=True)
    ]
    return [lines[0], "─" * whole, *lines[1:]]


def _cells(text: str) -> int:
    """Return how many places of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - only wide letters need its tables

    return cell_len(text)
