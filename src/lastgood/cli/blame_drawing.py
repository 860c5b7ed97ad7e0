"""How a blame looks on a terminal: what a file holds on the right, where it comes from on the left, each release said once.

r12  anna@example.org  2026-11-02 14:03 UTC  prod since 2026-11-02 14:05 UTC    3  Cite the policy.
                                                                                4  Never promise a refund.
r3   ben@example.org   2026-10-04 09:12 UTC  not in prod                        5  Be brief.

The messages of the releases stand below, once each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import click

from lastgood.cli.output import Output, first_line, safe, say, time_text
from lastgood.compare.blame import Line, Part
from lastgood.compare.blame_files import WholeFile
from lastgood.compare.wording import show_value, size
from lastgood.ids import EnvironmentName
from lastgood.registry.blame import Asked, Blame, BlamedFile, BlamedPart, Origin
from lastgood.registry.reaching import Reached

MOST_ROWS = 200
"""How many keys or files are drawn; of more, those that are not of the release that most of them are of."""

_USUAL = "prod"
_VALUE_WIDTH = 60
_LABEL_WIDTH = 80


@dataclass(frozen=True, slots=True)
class _Column:
    """Says when something first reached the environment that is shown, and with --env by which deployment."""

    environment: EnvironmentName | None
    with_deployment: bool

    def say(self, reached: Reached | None) -> str:
        if reached is None:
            return f"not in {self.environment}"
        one = reached.deployment
        said = f"{self.environment} since" if reached.is_there else f"was in {self.environment}"
        by = f", #{one.revision} by {safe(one.actor or '(erased)')}" if self.with_deployment else ""
        return f"{said} {time_text(one.recorded_at)}{by}"


def draw_blame(output: Output, blame: Blame, asked: Asked) -> None:
    """Print where everything comes from, the messages of the releases at the end."""
    output.note(f"{blame.component} ({blame.kind.value}) in {blame.release.label}, {time_text(blame.release.recorded_at)}")
    column = _Column(_shown_environment(blame), with_deployment=asked.environment is not None)
    for place, file in enumerate(blame.files):
        if place:
            say("")
        if file.path is not None and not (file.parts and isinstance(file.parts[0].part, WholeFile)):
            say(click.style(safe(file.path), bold=True))
        for line in _file_lines(file, column, everything=asked.everything):
            say(line)
        for note in file.notes:
            output.note(f"note: {file.path or blame.component}: {note}")
    for note in blame.notes:
        output.note(f"note: {note}")
    _print_messages(blame)


def _shown_environment(blame: Blame) -> EnvironmentName | None:
    """Choose the environment that has a column: the one asked about, prod, or the only one."""
    names = blame.environments
    return names[0] if len(names) == 1 else next((one for one in names if one == _USUAL), None)


def _file_lines(file: BlamedFile, column: _Column, *, everything: bool) -> Iterator[str]:
    if not file.parts:
        yield click.style("(empty)", dim=True)
        return
    if isinstance(file.parts[0].part, Line):
        yield from _numbered(file.parts, column)
    else:
        yield from _labelled(file.parts, column, everything=everything)


def _numbered(parts: Sequence[BlamedPart], column: _Column) -> Iterator[str]:
    """Yield the lines of a text; those that follow each other and are of one release have it said at the first."""
    heads = {id(one.origin): _head(one.origin, column) for one in parts}
    widths = [max(map(len, column)) for column in zip(*heads.values(), strict=True)]
    digits = len(str(len(parts)))
    empty = " " * (sum(widths) + 2 * (len(widths) - 1))
    for _, group in groupby(parts, key=lambda one: id(one.origin)):
        for place, one in enumerate(group):
            head = empty if place else _styled(_padded(heads[id(one.origin)], widths))
            if isinstance(one.part, Line):
                number = click.style(f"{one.part.number:>{digits}}", dim=True)
                yield f"{head}  {number}  {safe(one.part.text)}".rstrip()


def _labelled(parts: Sequence[BlamedPart], column: _Column, *, everything: bool) -> Iterator[str]:
    """Yield what has no order that matters, such as keys: each with its release."""
    rows, hidden = _rows(parts, everything=everything)
    heads = [_head(origin, column) for _, origin in rows]
    widths = [max(map(len, column)) for column in zip(*heads, strict=True)]
    width = min(max(len(label) for label, _ in rows), _LABEL_WIDTH)
    for (label, origin), head in zip(rows, heads, strict=True):
        message = first_line(origin.release.message)
        yield f"{label:<{width}}  {_styled(_padded(head, widths))}{f'  “{message}”' if message else ''}".rstrip()
    if hidden:
        yield click.style(f"… and {hidden:,} more of one release or another; --all shows them", dim=True)


def _rows(parts: Sequence[BlamedPart], *, everything: bool) -> tuple[list[tuple[str, Origin]], int]:
    """Return what to draw, and how many parts are left out."""
    if not everything and "tensor" in parts[0].part.to_json():
        from lastgood.compare.blame_layers import say_layers  # noqa: PLC0415 - only tensors have layers

        origins = {one.origin.release.number: one.origin for one in parts}
        said = say_layers([(str(one.part.to_json()["tensor"]), one.origin.release.number) for one in parts])
        return [(safe(label), origins[number]) for label, number in said], 0
    if everything or len(parts) <= MOST_ROWS:
        return [(safe(_label(one.part)), one.origin) for one in parts], 0
    most, number = Counter(one.origin.release.number for one in parts).most_common(1)[0]
    others = [one for one in parts if one.origin.release.number != most]
    rest = next(one.origin for one in parts if one.origin.release.number == most)
    shown = [(safe(_label(one.part)), one.origin) for one in others[:MOST_ROWS]]
    return [*shown, (f"all others ({number:,})", rest)], len(others) - len(shown)


def _label(part: Part) -> str:
    fields = part.to_json()
    if "key" in fields:
        return f"{fields['key'] or '(the whole file)'} = {show_value(fields['value'], _VALUE_WIDTH)}"
    if "tensor" in fields:
        shape = fields["shape"]
        return f"{fields['tensor']}  {fields['dtype']} {'×'.join(map(str, shape)) if isinstance(shape, list) else ''}".rstrip()
    return f"{fields['file']}  ({size(int(str(fields['size'])))})"


def _head(origin: Origin, column: _Column) -> tuple[str, ...]:
    release = origin.release
    said = (release.label, safe(release.author or "(erased)"), time_text(release.recorded_at))
    return said if column.environment is None else (*said, column.say(origin.reached.get(column.environment)))


def _padded(head: tuple[str, ...], widths: Sequence[int]) -> list[str]:
    return [cell.ljust(width) for cell, width in zip(head, widths, strict=True)]


def _styled(cells: Sequence[str]) -> str:
    return "  ".join([click.style(cells[0], fg="yellow"), *cells[1:]])


def _print_messages(blame: Blame) -> None:
    """Print the messages of the releases that brought lines; beside keys they stand already."""
    origins = {one.origin.release.number: one.origin.release for file in blame.files for one in file.parts if isinstance(one.part, Line)}
    if origins:
        say("")
    for number in sorted(origins, reverse=True):
        release = origins[number]
        message = first_line(release.message) or ("(no message)" if release.author else "(erased)")
        say(f"{click.style(release.label, fg='yellow')}  {safe(message)}")
