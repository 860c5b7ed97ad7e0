"""How a comparison looks on a terminal: ranked components, each with its parts in its kind's own terms.

Removed words stand in `[-…-]` and red, added ones in `{+…+}` and green, so that the text alone says everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from lastgood.cli.output import Output, safe, say, say_aside
from lastgood.compare.change import (
    Change,
    ComponentChange,
    Detail,
    Edit,
    FieldChange,
    FileChange,
    KeyChange,
    LineChange,
    Note,
    Piece,
    Segment,
    TextChange,
)
from lastgood.compare.wording import count, show_value, size

MOST_DETAILS = 20
MOST_BLOCKS = 12
_CONTEXT = 60
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


def _component_lines(change: ComponentChange, *, everything: bool) -> Iterator[str]:
    head = click.style(f"{change.name}", bold=True)
    state = click.style(change.change.value, fg=_COLOURS[change.change])
    yield f"{head} ({change.kind.value}, {state}) {_headline(change)}"
    shown = () if _is_said_whole(change) else change.details if everything else change.details[:MOST_DETAILS]
    for detail in shown:
        yield from (f"  {line}" for line in _detail_lines(detail, everything=everything))
    if shown and len(shown) < len(change.details):
        yield click.style(f"  … and {len(change.details) - len(shown):,} more; --all shows them", dim=True)


def _is_said_whole(change: ComponentChange) -> bool:
    """Whether the summary says everything, so that the one detail would only repeat it."""
    return len(change.details) == 1 and isinstance(change.details[0], KeyChange | FileChange | FieldChange)


def _headline(change: ComponentChange) -> str:
    """Return the summary, or where the words themselves follow only how many came and went."""
    texts = [detail for detail in change.details if isinstance(detail, TextChange)]
    if not texts or len(texts) < len(change.details):
        return safe(change.summary)
    added, removed = (sum(counts) for counts in zip(*((one.words_added, one.words_removed) for one in texts), strict=True))
    variables = [f"{{+{name}+}}" for one in texts for name in one.variables_added]
    variables += [f"[-{name}-]" for one in texts for name in one.variables_removed]
    said = f"{count(added, 'word')} added, {removed:,} removed in {count(len(texts), 'file')}"
    return f"{said}; variables {' '.join(safe(one) for one in variables)}" if variables else said


def _detail_lines(detail: Detail, *, everything: bool) -> Iterator[str]:
    match detail:
        case TextChange():
            yield from _text_lines(detail, everything=everything)
        case KeyChange():
            yield _key_line(detail)
        case FileChange():
            yield _file_line(detail)
        case FieldChange():
            yield f"{detail.field}: {_old(show_value(detail.old))} → {_new(show_value(detail.new))}"
        case Note():
            where = f"{safe(detail.path)}: " if detail.path else ""
            yield click.style(f"note: {where}{safe(detail.text)}", dim=True)


def _text_lines(change: TextChange, *, everything: bool) -> Iterator[str]:
    for remark in change.remarks:
        yield f"{safe(change.path)}: {safe(remark)}"
    blocks = change.lines if everything else change.lines[:MOST_BLOCKS]
    for block in blocks:
        yield from _block_lines(change.path, block)
    if len(blocks) < len(change.lines):
        yield click.style(f"… and {len(change.lines) - len(blocks):,} more places; --all shows them", dim=True)


def _block_lines(path: str, block: LineChange) -> Iterator[str]:
    number = block.new_start if block.new_count else block.old_start
    yield click.style(f"{safe(path)}:{number}", fg="cyan")
    text = "".join(_segment(segment) for segment in block.segments)
    yield from (f"  {line}" for line in text.rstrip("\n").split("\n"))


def _segment(segment: Segment) -> str:
    text = safe(segment.text)
    if segment.piece is Piece.EQUAL:
        return text if len(text) <= 4 * _CONTEXT else f"{text[:_CONTEXT]} … {text[-_CONTEXT:]}"
    mark = _removed if segment.piece is Piece.REMOVED else _added
    # A mark never spans a line end, so that each printed line can be read by itself.
    return "\n".join(mark(part) if part else "" for part in text.split("\n"))


def _removed(text: str) -> str:
    return click.style(f"[-{text}-]", fg="red")


def _added(text: str) -> str:
    return click.style(f"{{+{text}+}}", fg="green")


def _key_line(change: KeyChange) -> str:
    where = f"{safe(change.file)}: {click.style(safe(change.key), bold=change.sampling)}"
    if change.segments:
        return f"{where}: {''.join(_segment(segment) for segment in change.segments)}"
    if change.change is Edit.ADDED:
        return f"{where}: added {_new(show_value(change.new))}"
    if change.change is Edit.REMOVED:
        return f"{where}: removed {_old(show_value(change.old))}"
    return f"{where}: {_old(show_value(change.old))} → {_new(show_value(change.new))}"


def _file_line(change: FileChange) -> str:
    sizes = " → ".join(size(entry.size) for entry in (change.old, change.new) if entry is not None)
    if change.change is Edit.RENAMED and change.old is not None:
        return f"renamed {safe(change.old.path)} → {safe(change.path)}"
    if change.change is Edit.MODE_CHANGED and change.old is not None and change.new is not None:
        return f"mode {change.old.mode.value} → {change.new.mode.value} {safe(change.path)}"
    colour = {Edit.ADDED: "green", Edit.REMOVED: "red"}.get(change.change, "yellow")
    return f"{click.style(change.change.value, fg=colour)} {safe(change.path)} ({sizes})"


def _old(text: str) -> str:
    return click.style(safe(text), fg="red")


def _new(text: str) -> str:
    return click.style(safe(text), fg="green")
