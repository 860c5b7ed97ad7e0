"""Outlines: what a walk through many releases must know of each, read from its event in a fraction of the time.

The rule, in words: the manifest stands in the event verbatim and in canonical form, so its bytes are hashed as they stand
there; only where that is the release's digest is anything of it believed. State and behavior are proven as in
`release.read_manifest`, from contents that are looked at once each, however many releases have them; provenance is not
looked at.

    >>> from lastgood.clock import parse_instant
    >>> from lastgood.ids import PipelineName
    >>> from lastgood.model.release import make_manifest
    >>> at = parse_instant("2026-11-02T14:05:00.000000Z")
    >>> made = make_manifest(PipelineName("bot"), [], workspace_file=FileDigest.of(b""), parents=(), created=at)
    >>> Outliner().outline(1, made.release, b'{"body":{"manifest":' + made.document + b'},"schema":"lastgood.event/1"}').parents
    ()
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lastgood.canonical import Json, JsonObject, canonical_json
from lastgood.errors import InvalidManifest, InvalidName
from lastgood.ids import BehaviorDigest, ComponentName, FileDigest, ReleaseId, StateDigest
from lastgood.model.component import Kind, content_from_json
from lastgood.model.event import EVENT_SCHEMA
from lastgood.model.fields import Fields
from lastgood.model.release import BEHAVIOR_SCHEMA, RELEASE_SCHEMA, STATE_SCHEMA, check_schema


@dataclass(frozen=True, slots=True)
class OutlinedContent:
    """The content of a component; equal where the component is.

    Attributes:
        document: its canonical JSON.
        kind: its kind.
        listing: the listing of its files, if it has any.
        fields: what is declared of it beside these.
    """

    document: bytes
    kind: Kind = field(compare=False)
    listing: FileDigest | None = field(compare=False)
    fields: Mapping[str, Json] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Outline:
    """A release as a walk sees it."""

    number: int
    release: ReleaseId
    parents: tuple[ReleaseId, ...]
    contents: Mapping[ComponentName, OutlinedContent]


class Outliner:
    """Reads outlines, and makes one object of what many of them share."""

    def __init__(self) -> None:
        self._contents: dict[str, OutlinedContent] = {}
        self._names: dict[str, ComponentName] = {}

    def outline(self, number: int, release: ReleaseId, event: bytes) -> Outline:
        """Read the outline of a release from the bytes of the event that made it.

        Raises:
            InvalidManifest: there is no such manifest in it.
            NewerSchema: a newer version of lastgood wrote it.
        """
        known = Fields(_manifest_in(event, release), "a manifest")
        check_schema(known.text("schema"), RELEASE_SCHEMA)
        try:
            parents = tuple(ReleaseId.parse(one) for one in known.texts("parents"))
            contents = {
                self._name(name): self._content(Fields(one, "a component").mapping("content"))
                for name, one in sorted(known.mapping("components").items())
            }
        except InvalidName as error:
            raise InvalidManifest(f"the manifest of release {release.short} is not right: {error}") from error
        known.digest("workspace_file", FileDigest)
        known.instant("created")
        acting = [(name, one) for name, one in contents.items() if one.kind.acts]
        states = StateDigest.of(_contents(STATE_SCHEMA, contents.items())), BehaviorDigest.of(_contents(BEHAVIOR_SCHEMA, acting))
        if states != (known.digest("state", StateDigest), known.digest("behavior", BehaviorDigest)):
            raise InvalidManifest(f"the state or behavior of release {release.short} is not that of its components")
        return Outline(number, release, parents, contents)

    def _name(self, name: str) -> ComponentName:
        return self._names.get(name) or self._names.setdefault(name, ComponentName.parse(name))

    def _content(self, document: JsonObject) -> OutlinedContent:
        text = json.dumps(document, sort_keys=True)
        known = self._contents.get(text)
        if known is None:
            content = content_from_json(document)
            fields = {name: one for name, one in document.items() if name not in {"kind", "listing"}}
            known = OutlinedContent(canonical_json(document), content.kind, content.listing, fields)
            self._contents[text] = known
        return known


def _contents(schema: str, contents: Iterable[tuple[ComponentName, OutlinedContent]]) -> bytes:
    """Write contents as a state is hashed; names are ASCII, so that their order is the canonical one."""
    written = b",".join(b'"%s":%s' % (name.encode(), one.document) for name, one in contents)
    return b'{"components":{%s},"schema":"%s"}' % (written, schema.encode())


_BEFORE = '"manifest":'
_SCHEMA = re.compile(r'"schema":"([^"\\]{1,80})"')


def _manifest_in(event: bytes, release: ReleaseId) -> Json:
    """Return the manifest that an event holds, proven; quotation marks inside of texts are escaped, so that keys are found."""
    try:
        text = event.decode()
        start = text.index(_BEFORE) + len(_BEFORE)
        manifest, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        raise InvalidManifest(f"the event of release {release.short} cannot be read: {error}") from error
    found = _SCHEMA.search(text, end)
    if found is None:
        raise InvalidManifest(f"the event of release {release.short} has no schema")
    check_schema(found[1], EVENT_SCHEMA)
    if ReleaseId.of(text[start:end].encode()) != release:
        raise InvalidManifest(f"the manifest of release {release.short} is not what was committed")
    return manifest  # type: ignore[no-any-return]  # a decoder makes nothing but Json
