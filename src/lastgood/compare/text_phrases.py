r"""How a difference of texts is said on one line.

Rules: a template variable that came or went is said first, since whoever calls the prompt fills it; then the first block
that differs, with its line; then how much more there is. What is cosmetic is named and nothing else.

    >>> from lastgood.compare.alignment import Effort
    >>> from lastgood.compare.text import compare_texts
    >>> say_text(compare_texts("a.md", "Always cite the policy.\n", "Cite the policy if asked.\n", Effort()))
    'line 1: "Always cite the policy." → "Cite the policy if asked."'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lastgood.compare.change import LineChange, Piece, Segment, TextChange, new_text, old_text
from lastgood.compare.wording import count, crop, printable

_MOST_VARIABLES = 4


def say_text(text: TextChange) -> str:
    """Say on one line how a text differs."""
    said = [printable(remark) for remark in text.remarks]
    if text.cosmetic:
        return ", ".join(said)
    said += _say_variables(text)
    real = [line for line in text.lines if not line.whitespace_only]
    if real:
        said.append(say_block(real[0]))
    if len(text.lines) > 1:
        words = f"+{text.words_added:,} −{text.words_removed:,} words"
        said.append(f"{count(len(text.lines) - 1, 'more change')} ({words} in all)")
    return ", ".join(said)


def _say_variables(text: TextChange) -> Iterator[str]:
    for names, verb in ((text.variables_removed, "removed"), (text.variables_added, "added")):
        if names:
            listed = ", ".join(printable(name) for name in names[:_MOST_VARIABLES])
            more = f" and {len(names) - _MOST_VARIABLES} more" if len(names) > _MOST_VARIABLES else ""
            yield f"variable{'s' if len(names) > 1 else ''} {listed}{more} {verb}"


def say_block(line: LineChange) -> str:
    """Say how a block of lines differs: `line 3: "Always cite the policy." → "Cite the policy if asked."`."""
    if not line.old_count:
        return f"{_say_lines(line.new_start, line.new_count)} added: {crop(new_text(line.segments).rstrip(), 0)}"
    if not line.new_count:
        return f"{_say_lines(line.old_start, line.old_count)} removed: {crop(old_text(line.segments).rstrip(), 0)}"
    return f"{_say_lines(line.new_start, line.new_count)}: {say_replacement(line.segments)}"


def say_replacement(segments: Sequence[Segment]) -> str:
    """Show both sides of segments from shortly before the first difference: `"Be brief." → "Be kind."`."""
    at = len(segments[0].text) if segments and segments[0].piece is Piece.EQUAL else 0
    return f"{crop(old_text(segments).rstrip(), at)} → {crop(new_text(segments).rstrip(), at)}"


def _say_lines(start: int, number: int) -> str:
    return f"line {start}" if number == 1 else f"lines {start}-{start + number - 1}"
