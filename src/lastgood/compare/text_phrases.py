r"""How a difference of texts is said on one line.

Rules: a template variable that came, went or got another name is said first, since whoever calls the prompt fills it;
then the first block that differs, with its line, and what moved; then how much more there is, and the length where that
changed much. What is cosmetic is named and nothing else.

    >>> from lastgood.compare.alignment import Effort
    >>> from lastgood.compare.text import compare_texts
    >>> say_text(compare_texts("a.md", "Always cite the policy.\n", "Cite the policy if asked.\n", Effort()))
    'line 1: "Always cite the policy." → "Cite the policy if asked."'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lastgood.compare.text_change import (
    LineChange,
    Move,
    Piece,
    Segment,
    TextChange,
    new_text,
    old_text,
    say_length,
    say_lines,
)
from lastgood.compare.variables import only_renames
from lastgood.compare.wording import count, crop, printable, quote

_MOST_VARIABLES = 4
_MUCH_CHARACTERS = 200
_MUCH_SHARE = 0.2


def say_text(text: TextChange) -> str:
    """Say on one line how a text differs."""
    said = [printable(remark) for remark in text.remarks]
    if text.cosmetic:
        return ", ".join(said)
    said += say_variables(text.variables_removed, text.variables_added, text.variables_renamed)
    renamed = dict(text.variables_renamed)
    blocks = [line for line in text.lines if not line.moved and not (renamed and only_renames(line, renamed))]
    real = [line for line in blocks if not line.whitespace_only]
    told: list[LineChange | Move] = [*real[:1], *text.moves[: 1 if real else 2]]
    said += [say_block(one, is_place=not text.in_file) if isinstance(one, LineChange) else say_move(one) for one in told]
    more = len(blocks) + len(text.moves) - len(told)
    if more and told:
        words = f"+{text.words_added:,} −{text.words_removed:,} words"
        said.append(f"{count(more, 'more change')} ({words} in all)")
    return ", ".join([*said, *_say_much(text)])


def say_variables(removed: Sequence[str], added: Sequence[str], renamed: Sequence[tuple[str, str]] = ()) -> Iterator[str]:
    """Yield what became of variables: `variable {name} renamed to {customer}`."""
    for old, new in renamed[:_MOST_VARIABLES]:
        same = old.strip("${}") == new.strip("${}")
        yield f"variable {printable(old)} {'is now written' if same else 'renamed to'} {printable(new)}"
    if len(renamed) > _MOST_VARIABLES:
        yield f"{count(len(renamed) - _MOST_VARIABLES, 'more variable')} renamed"
    known = {name for pair in renamed for name in pair}
    for every, verb in ((removed, "removed"), (added, "added")):
        names = [name for name in every if name not in known]
        if names:
            listed = ", ".join(printable(name) for name in names[:_MOST_VARIABLES])
            more = f" and {len(names) - _MOST_VARIABLES} more" if len(names) > _MOST_VARIABLES else ""
            yield f"variable{'s' if len(names) > 1 else ''} {listed}{more} {verb}"


def _say_much(text: TextChange) -> Iterator[str]:
    old, new = text.characters
    if old and abs(new - old) >= max(_MUCH_CHARACTERS, _MUCH_SHARE * old):
        yield say_length(old, new, "characters")
    if text.tokens is not None and text.tokens[0] != text.tokens[1]:
        yield say_length(*text.tokens, "tokens")


def say_block(line: LineChange, *, is_place: bool = False) -> str:
    """Say how a block of lines differs: `line 3: "Always cite the policy." → "Cite the policy if asked."`.

    Args:
        line: the block.
        is_place: whether its place was said already, so that a first line goes without saying.
    """
    new, old = say_lines(line.new_start, line.new_count), say_lines(line.old_start, line.old_count)
    if not line.old_count:
        return f"{new} added: {crop(new_text(line.segments).rstrip(), 0)}"
    if not line.new_count:
        return f"{old} removed: {crop(old_text(line.segments).rstrip(), 0)}"
    where = "" if is_place and line.new_start == line.new_count == 1 else f"{new}: "
    return f"{where}{say_replacement(line.segments)}"


def say_move(move: Move) -> str:
    """Say where a block moved: `lines 3-5 moved to lines 20-22: "Always cite the policy."`."""
    where = f"{say_lines(move.old_start, move.old_count)} moved to {say_lines(move.new_start, move.new_count)}"
    if move.segments:
        return f"{where} and reworded: {say_replacement(move.segments)}"
    return f"{where}: {quote(move.first.strip())}"


def say_replacement(segments: Sequence[Segment]) -> str:
    """Show both sides of segments from shortly before the first difference: `"Be brief." → "Be kind."`."""
    at = len(segments[0].text) if segments and segments[0].piece is Piece.EQUAL else 0
    return f"{crop(old_text(segments).rstrip(), at)} → {crop(new_text(segments).rstrip(), at)}"
