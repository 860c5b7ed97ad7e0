"""Reading the fields of JSON objects that came from elsewhere, one typed accessor a kind of value.

>>> Fields({"name": "prod", "size": 3}, "an example").text("name")
'prod'
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

from lastgood.canonical import Json, JsonObject
from lastgood.clock import parse_instant
from lastgood.errors import Invalid, InvalidManifest, InvalidName
from lastgood.ids import Digest

AnyDigest = TypeVar("AnyDigest", bound=Digest)


class Fields:
    """The fields of one JSON object; every accessor raises `InvalidManifest`, naming the object and the field."""

    __slots__ = ("_fields", "_what")

    def __init__(self, value: Json, what: str) -> None:
        """Take an object; `what` names it in messages."""
        if not isinstance(value, dict):
            raise InvalidManifest(f"{what} is not a JSON object")
        self._fields: JsonObject = value
        self._what = what

    def __contains__(self, name: str) -> bool:
        """Say whether a field is there, null or not."""
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        """Yield the names of all fields."""
        return iter(self._fields)

    def value(self, name: str) -> Json:
        """Return a field that must be there."""
        try:
            return self._fields[name]
        except KeyError:
            raise InvalidManifest(f"{self._what} lacks the field {name!r}") from None

    def optional(self, name: str) -> Json:
        """Return a field, or None where it is null or absent."""
        return self._fields.get(name)

    def text(self, name: str) -> str:
        """Return a text."""
        value = self.value(name)
        if not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a text, or None where it is null or absent."""
        return None if self._fields.get(name) is None else self.text(name)

    def optional_int(self, name: str) -> int | None:
        """Return an integer, or None where it is null or absent."""
        value = self._fields.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise self._wrong(name, "an integer")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self.value(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts, empty where it is null or absent."""
        value = self._fields.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(name, "a list of texts")
        return tuple(str(item) for item in value)

    def mapping(self, name: str) -> JsonObject:
        """Return an object, empty where it is null or absent."""
        value = self._fields.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return value

    def digest(self, name: str, kind: type[AnyDigest]) -> AnyDigest:
        """Return a digest of one kind."""
        try:
            return kind.parse(self.text(name))
        except InvalidName as error:
            raise self._wrong(name, f"a {kind.what}") from error

    def instant(self, name: str) -> datetime:
        """Return an instant."""
        text = self.text(name)
        try:
            return parse_instant(text)
        except Invalid as error:
            raise self._wrong(name, "an instant") from error

    def _wrong(self, name: str, expected: str) -> InvalidManifest:
        return InvalidManifest(f"the field {name!r} of {self._what} is not {expected}")


def number_in(known: Fields, name: str) -> float:
    """Return a field that is a number, whole or not.

    Raises:
        InvalidManifest: it is missing, or no number.
    """
    value = known.value(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidManifest(f"the field {name!r} is not a number")
    return value
