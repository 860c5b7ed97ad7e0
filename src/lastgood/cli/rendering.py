"""How a comparison looks on a terminal: ranked components, each with its parts in its kind's own terms.

Removed words stand in `[-…-]` and red, added ones in `{+…+}` and green, so that the text alone says everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import click

from lastgood.cli.output import Output, safe, say, say_aside
from lastgood.compare.change import Change, ComponentChange, Detail, Finding
from lastgood.compare.showing import Block, Span, Table, Tone

MOST_DETAILS = 20
_COLOURS = {Change.ADDED: "green", Change.REMOVED: "red", Change.CHANGED: "yellow", Change.UNCHANGED: None}


def print_comparison(output: Output, changes: Sequence[ComponentChange], *, everything: bool, to_stderr: bool = False) -> None:
    """Print what changed, ranked; long lists are cut unless everything is asked for."""
    if output.json:
        return
    for line in comparison_lines(changes, everything=everything):
        (say_aside if to_stderr else say)(line)


def comparison_lines(changes: Sequence[ComponentChange], *, everything: bool) -> Iterator[str]:
    """Yield styled lines, the components that changed first, the unchanged ones in one last line."""
    same = [change.name for change in changes if change.change is Change.UNCHANGED]
    for change in changes:
        if change.change is not Change.UNCHANGED:
            yield from _component_lines(change, everything=everything)
    if len(same) == len(changes):
        yield "nothing changed"
    elif same:
        yield click.style(f"unchanged: {', '.join(same)}", dim=True)


def finding_lines(findings: Sequence[Finding], *, everything: bool) -> Iterator[str]:
    """Yield styled lines of what is to be said beside the components."""
    for finding in findings:
        yield f"{click.style(finding.about, bold=True)}: {safe(finding.summary)}"
        yield from _details(finding.details, everything=everything)


def _component_lines(change: ComponentChange, *, everything: bool) -> Iterator[str]:
    head = click.style(f"{change.name}", bold=True)
    state = click.style(change.change.value, fg=_COLOURS[change.change])
    yield f"{head} ({change.kind.value}, {state}) {safe(change.headline or change.summary)}"
    if not change.is_said_whole:
        yield from _details(change.details, everything=everything)


def _details(details: Sequence[Detail], *, everything: bool) -> Iterator[str]:
    shown = details if everything else details[:MOST_DETAILS]
    for detail in shown:
        for block in detail.shown(everything=everything):
            yield from (f"  {line}" for line in _block_lines(block))
    if shown and len(shown) < len(details):
        yield click.style(f"  … and {len(details) - len(shown):,} more; --all shows them", dim=True)


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
