r"""YAML, read from its parser's events into a tree, without constructing anything but plain values.

Rules: a bare scalar has a type only where YAML 1.1 (PyYAML, Ruby) and YAML 1.2 (Go, JavaScript, Rust) agree on it:

    null ~ Null NULL and nothing        null
    true True TRUE, false False FALSE   boolean
    12, -3, 0x1F                        number
    1.5, -2.0e+3, .5, .inf, .nan        number
    yes no on off y n                   `Unquoted`: a boolean in 1.1, a text in 1.2
    012, 0o17, 1_000, 12:30, 1e5, +.5   `Unquoted`: other numbers, or none, depending on the reader
    2026-11-02, =                       `Unquoted`: a date in 1.1, a text in 1.2
    everything else                     text

Keys are texts as they are written; a key that stands twice is refused. Aliases are repeated by reference and counted
each time against the bound of the whole tree, so a "billion laughs" ends early; an alias inside its own anchor is
refused. `<<` merges, as nearly every reader does. A local tag (`!Ref x`) is kept as `{"!Ref": x}`; a tag that would
build an object of some language is refused. Several documents are a list of them.

    >>> read_yaml("base: &b {temperature: 0.2}\nprod: {<<: *b, on: yes}")
    {'base': {'temperature': 0.2}, 'prod': {'temperature': 0.2, 'on': 'yes'}}
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import yaml

from lastgood.canonical import DEEPEST, Json
from lastgood.formats.tree import Malformed, Unquoted, check_count, check_integer

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"(?:[-+]?[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_DISPUTED = re.compile(
    r"(?:y|yes|n|no|on|off|=|<<)"  # words of YAML 1.1
    r"|[-+]?(?:0b[01_]++|0x[0-9a-f_]++|0o[0-7_]++)"  # integers of either
    r"|[-+]?[0-9][0-9_]*+(?::[0-5]?[0-9])+(?:\.[0-9_]*+)?"  # sexagesimal numbers of YAML 1.1
    r"|(?=[-+]?\.?[0-9])[-+]?[0-9_]*+(?:\.[0-9_]*+)?(?:e[-+]?[0-9]++)?"  # decimal numbers of either
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:t|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*+)?"
    r"(?:[ \t]*+(?:z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?)?",  # timestamps of YAML 1.1
    re.IGNORECASE,
)
_LONGEST_BARE = 1_300
"""A bare scalar longer than this is no number, date or word: the longest allowed integer has 1,234 digits."""

_STANDARD = "tag:yaml.org,2002:"
_CONTAINER_TAGS = frozenset({"!", _STANDARD + "map", _STANDARD + "seq"})
_SCALAR_TAGS = {_STANDARD + name: name for name in ("str", "int", "float", "bool", "null", "timestamp")}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str) -> Json:
    """Read the documents of a YAML text: one as itself, none as null, several as a list.

    Raises:
        Malformed: it is not YAML, or breaks a rule of this module.
    """
    builder = _Builder()
    line: int | None = None
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            line = event.start_mark.line + 1 if event.start_mark else None
            builder.take(event)
    except Malformed as error:
        raise Malformed(error.reason, error.line or line) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Malformed(error.problem or error.context or "it is not YAML", mark.line + 1 if mark else None) from error
    except yaml.YAMLError as error:
        raise Malformed("it holds a character that YAML does not allow", line) from error
    return builder.documents[0] if len(builder.documents) == 1 else builder.documents or None


@dataclass(slots=True)
class _Anchored:
    """A finished value that aliases may repeat: how many values it holds, and how deep it is."""

    value: Json
    count: int
    height: int


@dataclass(slots=True)
class _Open:
    """An object or a list whose end has not come yet."""

    value: dict[str, Json] | list[Json]
    tag: str | None
    anchor: str | None
    counted_before: int
    height: int = 1
    key: str | None = None
    merging: bool = False
    merged: list[dict[str, Json]] = field(default_factory=list)


class _Builder:
    """Builds a tree from events, counting as it goes."""

    def __init__(self) -> None:
        self.documents: list[Json] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}
        self._count = 0

    def take(self, event: object) -> None:
        """Take the next event of the parser."""
        if isinstance(event, yaml.ScalarEvent):
            self._take_scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            self._begin({}, event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._begin([], event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._repeat(str(event.anchor))
        elif isinstance(event, yaml.DocumentStartEvent):
            self._anchors.clear()

    def _take_scalar(self, event: yaml.ScalarEvent) -> None:
        plain = bool(event.implicit[0])
        holder = self._open[-1] if self._open else None
        if holder is not None and isinstance(holder.value, dict) and holder.key is None:
            if event.anchor is not None:
                self._anchors[event.anchor] = _Anchored(event.value, 1, 0)
            self._take_key(holder, event.value, merging=plain and event.value == "<<" and event.tag is None)
            return
        value, height = _scalar(event, plain=plain)
        self._add(value, 1 + height, height, event.anchor)

    def _take_key(self, holder: _Open, key: str, *, merging: bool) -> None:
        if not merging and key in holder.value:
            raise Malformed(f"the key {key[:80]!r} stands twice in one object")
        holder.key, holder.merging = key, merging

    def _begin(self, value: dict[str, Json] | list[Json], event: yaml.CollectionStartEvent) -> None:
        if len(self._open) >= DEEPEST:
            raise Malformed(f"it is nested more than {DEEPEST} deep")
        if self._open and isinstance(self._open[-1].value, dict) and self._open[-1].key is None:
            raise Malformed("a key is an object or a list, not a text")
        tag = None if event.tag is None or event.tag in _CONTAINER_TAGS else _local_tag(event.tag)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._open.append(_Open(value, tag, event.anchor, self._count))

    def _end(self) -> None:
        done = self._open.pop()
        value: Json = done.value
        if isinstance(done.value, dict) and done.merged:
            value = self._merge(done.value, done.merged)
        height = done.height
        if done.tag is not None:
            value, height = {done.tag: value}, height + 1
        count = self._count - done.counted_before + 1 + (done.tag is not None)
        self._count = done.counted_before
        self._add(value, count, height, done.anchor)

    def _merge(self, own: dict[str, Json], merged: list[dict[str, Json]]) -> dict[str, Json]:
        """Give an object the keys it lacks; of several merged objects the first wins."""
        whole: dict[str, Json] = {}
        for source in reversed(merged):
            whole |= source
        return whole | own

    def _repeat(self, anchor: str) -> None:
        if anchor not in self._anchors:
            raise Malformed(f"the alias {anchor[:80]!r} has no anchor")
        known = self._anchors[anchor]
        if known is None:
            raise Malformed(f"the anchor {anchor[:80]!r} holds itself")
        holder = self._open[-1] if self._open else None
        if holder is not None and isinstance(holder.value, dict) and holder.key is None:
            if not isinstance(known.value, str):
                raise Malformed("a key is an object or a list, not a text")
            self._take_key(holder, known.value, merging=False)
            return
        self._add(known.value, known.count, known.height, None)

    def _add(self, value: Json, count: int, height: int, anchor: str | None) -> None:
        """Put a finished value where it belongs; `height` is how many levels of containers it has."""
        self._count += count
        check_count(self._count)
        if len(self._open) + height > DEEPEST:
            raise Malformed(f"it is nested more than {DEEPEST} deep")
        if anchor is not None:
            self._anchors[anchor] = _Anchored(value, count, height)
        if not self._open:
            self.documents.append(value)
            return
        holder = self._open[-1]
        holder.height = max(holder.height, height + 1)
        if isinstance(holder.value, list):
            holder.value.append(value)
        elif holder.merging:
            holder.merged += _mappings(value)
        elif holder.key is not None:
            holder.value[holder.key] = value
        holder.key, holder.merging = None, False


def _mappings(value: Json) -> list[dict[str, Json]]:
    sources = value if isinstance(value, list) else [value]
    mappings = [source for source in sources if isinstance(source, dict)]
    if len(mappings) != len(sources):
        raise Malformed("'<<' merges something that is no object")
    return mappings


def _local_tag(tag: str) -> str:
    if tag.startswith("!") and len(tag) > 1:
        return tag
    raise Malformed(f"the tag {tag.replace(_STANDARD, '!!')[:80]!r} is not a plain value's")


def _scalar(event: yaml.ScalarEvent, *, plain: bool) -> tuple[Json, int]:
    """Return a scalar's value and how many levels of containers it needed."""
    text: str = event.value
    tag: str | None = event.tag
    if tag is None or tag == "!":
        return (_resolve(text) if plain and tag is None else text), 0
    if tag in _SCALAR_TAGS:
        return _convert(text, _SCALAR_TAGS[tag]), 0
    return {_local_tag(tag): text}, 1


def _convert(text: str, name: str) -> Json:
    """Give a text the type that its tag asks for, as far as every reader would."""
    if name == "str":
        return text
    value = _resolve(text)
    if name == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    types = {"int": int, "float": float, "bool": bool, "null": type(None), "timestamp": Unquoted}
    return value if type(value) is types[name] else Unquoted(f"!!{name} {text}")


def _resolve(text: str) -> Json:
    """Give a bare scalar its type, where all readers agree on one."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if len(text) > _LONGEST_BARE:
        return text
    if _INTEGER.fullmatch(text):
        return check_integer(int(text))
    if _HEX.fullmatch(text):
        return check_integer(int(text, 16))
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return Unquoted(text) if _DISPUTED.fullmatch(text) else text
