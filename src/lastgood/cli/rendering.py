"""How a comparison looks on a terminal: ranked components, each with its parts in its kind's own terms.

Removed words stand in `[-…-]` and red, added ones in `{+…+}` and green, so that the text alone says everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import click

from lastgood.cli.output import Output, safe, say, say_aside
from lastgood.compare.change import Change, ComponentChange, Detail, Finding
from lastgood.compare.showing import Block, Span, Table, Tone
from lastgood.compare.wording import count
from lastgood.registry.compare import Comparison

MOST_DETAILS = 20
SCREEN = 40
"""How many lines a comparison takes where not everything is asked for; what is longer than its share is cut, and says so."""

_COLOURS = {Change.ADDED: "green", Change.REMOVED: "red", Change.CHANGED: "yellow", Change.UNCHANGED: None}


class How(Enum):
    """How much of a comparison is shown: its sentences, a screenful, or all of it."""

    SENTENCES = "sentences"
    SCREEN = "screen"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is said of one component, or beside them: a sentence, and the lines below it."""

    sentence: str
    lines: Sequence[str]


def print_comparison(output: Output, comparison: Comparison, how: How, *, to_stderr: bool = False) -> None:
    """Print what changed, ranked."""
    if output.json:
        return
    for line in comparison_lines(comparison, how):
        (say_aside if to_stderr else say)(line)


def comparison_lines(comparison: Comparison, how: How) -> Iterator[str]:
    """Yield styled lines: what most likely moved behavior first, the unchanged components in one last line."""
    entries = [_entry(one, how) for one in comparison.ranked]
    shares = _shares([len(entry.lines) for entry in entries], SCREEN - len(entries) if how is How.SCREEN else None)
    for entry, share in zip(entries, shares, strict=True):
        yield entry.sentence
        yield from (f"  {line}" for line in entry.lines[:share])
        if share < len(entry.lines) and how is not How.SENTENCES:
            yield click.style(f"  … and {count(len(entry.lines) - share, 'more line')}; --all shows them", dim=True)
    same = [change.name for change in comparison.components if change.change is Change.UNCHANGED]
    if not comparison.changed:
        yield "nothing changed"
    elif same:
        yield click.style(f"unchanged: {', '.join(same)}", dim=True)


def _shares(lengths: Sequence[int], room: int | None) -> list[int]:
    """Share room among entries: the short ones have all they need, the others the same of what is left, two at least."""
    if room is None or sum(lengths) <= room:
        return list(lengths)
    share, left, waiting = 2, room, len(lengths)
    for length in sorted(lengths):
        share = max(2, left // waiting)
        if length > share:
            break
        left, waiting = left - length, waiting - 1
    # A cut costs a line that says so: nobody is told of one more line instead of being shown it.
    return [length if length <= share + 1 else share for length in lengths]


def _entry(one: ComponentChange | Finding, how: How) -> _Entry:
    if isinstance(one, Finding):
        return _Entry(f"{click.style(one.about, bold=True)}: {safe(one.summary)}", _details(one.details, how))
    head = click.style(f"{one.name}", bold=True)
    state = click.style(one.change.value, fg=_COLOURS[one.change])
    lines = [] if one.is_said_whole else _details(one.details, how)
    said = (one.headline if lines else "") or one.summary
    return _Entry(f"{head} ({one.kind.value}, {state}) {safe(said)}", lines)


def _details(details: Sequence[Detail], how: How) -> list[str]:
    if how is How.SENTENCES:
        return []
    everything = how is How.EVERYTHING
    shown = details if everything else details[:MOST_DETAILS]
    lines = [line for detail in shown for block in detail.shown(everything=everything) for line in _block_lines(block)]
    if shown and len(shown) < len(details):
        lines.append(click.style(f"… and {len(details) - len(shown):,} more; --all shows them", dim=True))
    return lines


def _block_lines(block: Block) -> Iterator[str]:
    if isinstance(block, Table):
        yield from _table_lines(block)
        return
    text = "".join(_span(span) for span in block.spans)
    yield from ("  " * block.indent + line for line in text.split("\n"))


def _span(span: Span) -> str:
    text, look = safe(span.text), _LOOKS.get(span.tone)
    if look is None:
        return text
    # A mark never spans a line end, so that each printed line can be read by itself.
    return "\n".join(look(part) if part else "" for part in text.split("\n"))


def _table_lines(table: Table) -> Iterator[str]:
    rows = [tuple(safe(cell) for cell in row) for row in (table.headers, *table.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for place, row in enumerate(rows):
        cells = [
            cell.rjust(width) if table.numeric and column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        line = "  ".join(cells).rstrip()
        yield line if place else click.style(line, dim=True)


_LOOKS: Mapping[Tone, Callable[[str], str]] = {
    Tone.REMOVED: lambda text: click.style(f"[-{text}-]", fg="red"),
    Tone.ADDED: lambda text: click.style(f"{{+{text}+}}", fg="green"),
    Tone.OLD: lambda text: click.style(text, fg="red"),
    Tone.NEW: lambda text: click.style(text, fg="green"),
    Tone.STRONG: lambda text: click.style(text, bold=True),
    Tone.PLACE: lambda text: click.style(text, fg="cyan"),
    Tone.ASIDE: lambda text: click.style(text, dim=True),
}
