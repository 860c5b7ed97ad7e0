r"""The document in which a service says what it runs: `lastgood.running/1`.

Rules: it holds files with their digests, or contents of components, or at least a release, the first that is there decides;
what was observed of hosted models may stand beside any of them. It comes from elsewhere: paths are those that may stand
in a release, each once, and whatever is not right is refused by name.

    {"schema": "lastgood.running/1",
     "files": [{"path": "prompts/system.md", "sha256": "…", "size": 17, "mode": "file"}],
     "components": {"llm": {"content": {"kind": "hosted", …}}},
     "release": "9f3ac2…",
     "observed": {"llm": {"model": "gpt-4.1", "fingerprint": "fp_44709d6fcb"}},
     "files_url": "https://bot.example.org/files"}

    >>> read_running(b'{"schema": "lastgood.running/1", "files": []}').files
    {}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lastgood.canonical import LARGEST_INTEGER, Json, JsonObject, parse_json_object
from lastgood.errors import Invalid, InvalidManifest, NewerSchema
from lastgood.ids import ComponentName, FileDigest, ReleaseId
from lastgood.model.component import Component, Provenance, content_from_json
from lastgood.model.fields import Fields
from lastgood.model.listing import FileEntry, Mode
from lastgood.model.paths import check_path, check_together
from lastgood.model.release import check_schema

SCHEMA = "lastgood.running/1"
LARGEST = 64 << 20
"""How many bytes a document may have: about 400,000 files."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What a provider was seen to answer with; None where nobody looked."""

    model: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class RunningDocument:
    """What a service says that it runs.

    Attributes:
        files: by path, None where the document says nothing of files.
        components: contents by name.
        release: the release that it takes itself for.
        observed: of hosted models.
        files_url: where the files themselves can be had.
    """

    files: Mapping[str, FileEntry] | None = None
    components: Mapping[ComponentName, Component] = field(default_factory=dict)
    release: ReleaseId | None = None
    observed: Mapping[ComponentName, Observed] = field(default_factory=dict)
    files_url: str | None = None


def write_running(entries: Iterable[FileEntry], release: ReleaseId | None = None) -> JsonObject:
    """Return the document of some files."""
    files: Json = [
        {"path": entry.path, "sha256": str(entry.digest), "size": entry.size, "mode": entry.mode.value}
        for entry in sorted(entries, key=lambda entry: entry.path.encode())
    ]
    return {"schema": SCHEMA, "release": None if release is None else str(release), "files": files}


def read_running(data: bytes) -> RunningDocument:
    """Read a document from an untrusted source.

    Raises:
        InvalidManifest: it is not right.
        NewerSchema: a newer version of lastgood wrote it.
    """
    if len(data) > LARGEST:
        raise InvalidManifest(f"the document has more than {LARGEST:,} bytes")
    try:
        known = Fields(parse_json_object(data), "the document")
        check_schema(known.text("schema"), SCHEMA)
        return _read(known)
    except (InvalidManifest, NewerSchema):
        raise
    except Invalid as error:
        raise InvalidManifest(f"the document is not right: {error.message}") from error


def _read(known: Fields) -> RunningDocument:
    components = {name: _component(name, value) for name, value in _named(known.mapping("components"))}
    release = known.optional_text("release")
    files = known.optional("files")
    if files is None and not components and release is None:
        raise InvalidManifest('the document has neither "files" nor "components" nor "release"')
    return RunningDocument(
        files=None if files is None else _files(files),
        components=components,
        release=None if release is None else ReleaseId.parse(release),
        observed={name: _observed(name, value) for name, value in _named(known.mapping("observed"))},
        files_url=known.optional_text("files_url"),
    )


def _named(mapping: Mapping[str, Json]) -> Iterable[tuple[ComponentName, Json]]:
    return ((ComponentName.parse(name), value) for name, value in mapping.items())


def _component(name: ComponentName, value: Json) -> Component:
    known = Fields(value, f"the component {name}")
    return Component(name, content_from_json(known.value("content")), Provenance(), known.mapping("content"))


def _observed(name: ComponentName, value: Json) -> Observed:
    known = Fields(value, f"what was observed of {name}")
    return Observed(known.optional_text("model"), known.optional_text("fingerprint"))


def _files(value: Json) -> dict[str, FileEntry]:
    if not isinstance(value, list):
        raise InvalidManifest('the field "files" of the document is not a list')
    found: dict[str, FileEntry] = {}
    for number, one in enumerate(value, start=1):
        known = Fields(one, f"file {number} of the document")
        path, size, mode = check_path(known.text("path")), known.optional_int("size"), known.optional_text("mode") or Mode.FILE
        if path in found:
            raise InvalidManifest(f"the document names {path[:200]!r} twice")
        if size is None or not 0 <= size <= LARGEST_INTEGER or mode not in tuple(Mode):
            raise InvalidManifest(f"file {number} of the document has no size, or a mode that is neither file nor exec")
        found[path] = FileEntry(path, Mode(mode), known.digest("sha256", FileDigest), size)
    check_together(found)
    return found
