r"""The template variables of a text: what whoever calls a prompt has to pass.

Rules: variables are told as they are written, with their marks and without what is done to them: `{name}`, `{{name}}`,
`$name`, `${name}`. Of Jinja, Mustache and Handlebars also what statements ask for counts, in double braces: `{% for x in
items %}` and `{{#each items}}` ask for `{{items}}`, `{{json data}}` for `{{data}}`; names that the text makes itself (`x`) do
not, and neither does a comment. Nothing is run, and no template language is read whole: what is not recognised is text.

    >>> list(find_variables("{% for x in items %}{{ x.name | upper }}{% endfor %} Dear {{customer}}, {tone}"))
    ['{{items}}', '{{customer}}', '{tone}']
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from lastgood.compare.text_change import LineChange, Piece, new_text, old_text

_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,99}"
_DOTTED = rf"{_NAME}(?:\.[A-Za-z0-9_]{{1,99}}){{0,9}}"
VARIABLE = re.compile(
    rf"\{{\{{[-~]?\s{{0,20}}({_DOTTED})(?![A-Za-z0-9_.])[^{{}}\n]{{0,200}}\}}\}}"
    rf"|\$\{{({_DOTTED})(?![A-Za-z0-9_.])[^{{}}\n]{{0,200}}\}}"
    rf"|\{{({_DOTTED})(?:[!:][^{{}}\n]{{0,200}})?\}}"
    rf"|\$({_NAME})"
)
"""A variable where it stands; its groups are the name in each of the four ways to write it."""

_FORMS = ("{{%s}}", "${%s}", "{%s}", "$%s")
_COMMENTS = (("{#", "#}"), ("{{!--", "--}}"), ("{{!", "}}"))
_LONGEST_COMMENT = 2_000
_MOST_UNCLOSED = 1_000
"""So many marks that no comment follows, and the text has no comments."""
_STATEMENT = re.compile(r"\{%[-+]?\s{0,20}(for|if|elif|set|with)\s([^%\n]{1,300})%\}")
_BLOCK = re.compile(rf"\{{\{{~?[#^]\s{{0,5}}({_DOTTED})([^{{}}\n]{{0,200}})\}}\}}")
_HELPER_CALL = re.compile(rf"\{{\{{[-~]?\s{{0,20}}({_DOTTED})\s+((?:[\"'A-Za-z_@])[^{{}}\n]{{0,200}})\}}\}}")
_QUOTED = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
_ASIDES = re.compile(rf"\|\s*+{_NAME}|\bis\s++(?:not\s++)?{_NAME}|\bas\s*+\|[^|]*+\||\b[A-Za-z_]\w*+\s*+[=(]")
_WHOLE_NAME = re.compile(rf"(?<![\w.@]){_DOTTED}")
_BINDS = re.compile(rf"\s*({_NAME}(?:\s*,\s*{_NAME}){{0,9}})\s*(?:=|\bin\b)(.*)")
_BLOCK_BINDS = re.compile(rf"\bas\s*\|\s*({_NAME}(?:\s+{_NAME}){{0,9}})\s*\|")
_NO_VARIABLES = frozenset(
    "and as defined elif else false False if in is loop none None not null or recursive this true True undefined".split()
)
_BLOCK_HELPERS = frozenset({"if", "unless", "each", "with", "ifEquals", "unlessEquals"})


def find_variables(text: str) -> dict[str, None]:
    """Return the template variables of a text, as they are written, in the order of their first use."""
    found: list[tuple[int, str]] = []
    own: set[str] = set()
    for start, end in _COMMENTS:
        text = _without(text, start, end)
    if "{%" in text or "{{#" in text or "{{^" in text or "{{~" in text:
        found += _asked_by_statements(text, own)
    for match in VARIABLE.finditer(text):
        found += _asked_by(match)
    kept = (written for _, written in sorted(found, key=lambda pair: pair[0]) if _first_name(written) not in own)
    return dict.fromkeys(kept)


def _without(text: str, start: str, end: str) -> str:
    """Return a text without its comments of one form."""
    kept: list[str] = []
    at = done = unclosed = 0
    while unclosed < _MOST_UNCLOSED and (at := text.find(start, at)) >= 0:
        closes = text.find(end, at + len(start), at + _LONGEST_COMMENT)
        if closes < 0:
            at += len(start)
            unclosed += 1
            continue
        kept.append(text[done:at])
        at = done = closes + len(end)
    return "".join([*kept, text[done:]]) if kept else text


def _asked_by(match: re.Match[str]) -> Iterator[tuple[int, str]]:
    """Yield what one place asks for: its own name, or the arguments where it calls a helper."""
    if match[1] is None:
        place = next(place for place in (2, 3, 4) if match[place])
        yield match.start(), _FORMS[place - 1] % match[place]
        return
    call = _HELPER_CALL.fullmatch(match[0])
    if call is not None and re.split(r"\W", call[2], maxsplit=1)[0] not in _NO_VARIABLES:
        yield from _names_in(match.start(), call[2])
    elif _first_name(match[1]) not in _NO_VARIABLES:
        yield match.start(), _FORMS[0] % match[1]


def _asked_by_statements(text: str, own: set[str]) -> Iterator[tuple[int, str]]:
    """Yield what statements and blocks ask for, and gather the names that they make."""
    for match in _STATEMENT.finditer(text):
        expression = match[2]
        binds = _BINDS.match(expression) if match[1] in {"for", "set", "with"} else None
        if binds is not None:
            own.update(name.strip() for name in binds[1].split(","))
            expression = binds[2]
        yield from _names_in(match.start(), expression)
    for match in _BLOCK.finditer(text):
        if binds := _BLOCK_BINDS.search(match[2]):
            own.update(binds[1].split())
        if match[1] in _BLOCK_HELPERS or match[2].strip(" ~"):
            yield from _names_in(match.start(), match[2])
        elif _first_name(match[1]) not in _NO_VARIABLES:
            yield match.start(), _FORMS[0] % match[1]


def _names_in(place: int, expression: str) -> Iterator[tuple[int, str]]:
    bare = _ASIDES.sub(" ", _QUOTED.sub(" ", expression))
    for match in _WHOLE_NAME.finditer(bare):
        if _first_name(match[0]) not in _NO_VARIABLES:
            yield place, _FORMS[0] % match[0]


def _first_name(written: str) -> str:
    return written.strip("${}").partition(".")[0]


def find_renamed(lines: Sequence[LineChange], gone: Sequence[str], come: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return which variables that went came back under another name: at the same place in otherwise equal surroundings.

    Args:
        lines: the blocks that differ.
        gone: the variables that the new text has no more.
        come: the variables that the old text did not have.
    """
    new_names: dict[str, set[str]] = {}
    for line in lines:
        for before, after in pairwise(line.segments):
            if (before.piece, after.piece) != (Piece.REMOVED, Piece.ADDED):
                continue
            if _is_like(_shape(before.text), _shape(after.text)):
                for old, new in zip(_written(before.text), _written(after.text), strict=False):
                    new_names.setdefault(old, set()).add(new)
            names = _FORMS[0] % before.text.strip(), _FORMS[0] % after.text.strip()
            if names[0] in gone and names[1] in come:
                # In a statement a name stands without marks.
                new_names.setdefault(names[0], set()).add(names[1])
    pairs = [(old, *news) for old, news in new_names.items() if len(news) == 1 and old in gone and news <= set(come)]
    taken = [new for _, new in pairs]
    return tuple((old, new) for old, new in pairs if taken.count(new) == 1)


def only_renames(line: LineChange, renamed: Mapping[str, str]) -> bool:
    """Say whether a block differs in nothing but the names of variables."""

    def rename(match: re.Match[str]) -> str:
        place = next(place for place in range(1, 5) if match[place])
        new = renamed.get(_FORMS[place - 1] % match[place])
        if new is None:
            return match[0]
        start, end = match.start(place) - match.start(), match.end(place) - match.start()
        return match[0][:start] + new.strip("${}") + match[0][end:]

    return VARIABLE.sub(rename, old_text(line.segments)) == new_text(line.segments)


def _is_like(old: str, new: str) -> bool:
    """Say whether two texts are the same, or one goes on after the other on a line of its own."""
    return old == new or new.startswith(f"{old}\n") or old.startswith(f"{new}\n")


def _shape(text: str) -> str:
    return VARIABLE.sub("\0", text)


def _written(text: str) -> list[str]:
    places = ((match, next(place for place in range(1, 5) if match[place])) for match in VARIABLE.finditer(text))
    return [_FORMS[place - 1] % match[place] for match, place in places]
