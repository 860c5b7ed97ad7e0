"""Releases: immutable manifests and the three digests that identify them.

The rules, in words:
    state     SHA-256 of {schema, components: {name: content}} over all components
    behavior  likewise over the kinds that act in production
    release   SHA-256 of the whole manifest, provenance, parents and time included

A manifest keeps the very bytes it was read from, so fields that this version does not know survive a round trip.

    >>> state_digest([]) == state_digest([])
    True
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lastgood.canonical import Json, canonical_json, parse_json_object
from lastgood.clock import format_instant
from lastgood.errors import Invalid, InvalidManifest, InvalidName, NewerSchema
from lastgood.ids import BehaviorDigest, ComponentName, FileDigest, PipelineName, ReleaseId, StateDigest
from lastgood.model.component import Component, component_from_json
from lastgood.model.fields import Fields

STATE_SCHEMA = "lastgood.state/1"
BEHAVIOR_SCHEMA = "lastgood.behavior/1"
RELEASE_SCHEMA = "lastgood.release/1"

_MAJOR = re.compile("[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One production state of a pipeline, as it was committed.

    Attributes:
        document: its canonical JSON, from which everything else was read.
        pipeline: the pipeline it belongs to.
        components: its components by name.
        workspace_file: the digest of the lastgood.toml it was committed with.
        parents: the releases it follows.
        created: when it was made.
    """

    document: bytes
    pipeline: PipelineName
    components: Mapping[ComponentName, Component] = field(compare=False)
    workspace_file: FileDigest = field(compare=False)
    parents: tuple[ReleaseId, ...] = field(compare=False)
    created: datetime = field(compare=False)
    state: StateDigest = field(compare=False)
    behavior: BehaviorDigest = field(compare=False)

    @property
    def release(self) -> ReleaseId:
        """The identity of the release: SHA-256 of the document."""
        return ReleaseId.of(self.document)


def state_digest(components: Iterable[Component]) -> StateDigest:
    """Return the identity of the contents of all components."""
    return StateDigest.of(_contents(STATE_SCHEMA, components))


def behavior_digest(components: Iterable[Component]) -> BehaviorDigest:
    """Return the identity of the contents that act in production."""
    return BehaviorDigest.of(_contents(BEHAVIOR_SCHEMA, (one for one in components if one.kind.acts)))


def _contents(schema: str, components: Iterable[Component]) -> bytes:
    return canonical_json({"schema": schema, "components": {str(one.name): dict(one.document) for one in components}})


def make_manifest(
    pipeline: PipelineName,
    components: Iterable[Component],
    *,
    workspace_file: FileDigest,
    parents: tuple[ReleaseId, ...],
    created: datetime,
) -> Manifest:
    """Write the manifest of a new release."""
    by_name = {one.name: one for one in components}
    document: Json = {
        "schema": RELEASE_SCHEMA,
        "pipeline": str(pipeline),
        "state": str(state_digest(by_name.values())),
        "behavior": str(behavior_digest(by_name.values())),
        "components": {str(one.name): {"content": dict(one.document), "provenance": one.provenance.to_json()} for one in by_name.values()},
        "workspace_file": str(workspace_file),
        "parents": [str(parent) for parent in parents],
        "created": format_instant(created),
    }
    return read_manifest(canonical_json(document))


def read_manifest(document: bytes) -> Manifest:
    """Read a manifest from its canonical bytes and check that its digests are its own.

    Raises:
        InvalidManifest: it is not canonical, lacks a field, or its state or behavior is not that of its components.
        NewerSchema: a newer version of lastgood wrote it.
    """
    try:
        parsed = parse_json_object(document)
        canonical = canonical_json(parsed)
    except Invalid as error:
        raise InvalidManifest(f"a manifest is not right: {error}") from error
    known = Fields(parsed, "a manifest")
    check_schema(known.text("schema"), RELEASE_SCHEMA)
    if canonical != document:
        raise InvalidManifest("a manifest is not in canonical form")
    for name in ("components", "parents"):
        known.value(name)
    components = [component_from_json(name, value) for name, value in known.mapping("components").items()]
    manifest = _read_fields(document, known, components)
    if manifest.state != state_digest(components) or manifest.behavior != behavior_digest(components):
        raise InvalidManifest("a manifest's state or behavior is not that of its components")
    return manifest


def _read_fields(document: bytes, known: Fields, components: list[Component]) -> Manifest:
    try:
        return Manifest(
            document=document,
            pipeline=PipelineName.parse(known.text("pipeline")),
            components={one.name: one for one in sorted(components, key=lambda one: one.name)},
            workspace_file=known.digest("workspace_file", FileDigest),
            parents=tuple(ReleaseId.parse(parent) for parent in known.texts("parents")),
            created=known.instant("created"),
            state=known.digest("state", StateDigest),
            behavior=known.digest("behavior", BehaviorDigest),
        )
    except InvalidName as error:
        raise InvalidManifest(f"a manifest is not right: {error}") from error


def check_schema(found: str, known: str) -> None:
    """Check that a document's schema is one this version reads.

    Raises:
        NewerSchema: its major version is higher.
        InvalidManifest: it is another schema altogether.
    """
    name, _, major = known.partition("/")
    found_name, _, found_major = found.partition("/")
    if found_name != name or not _MAJOR.fullmatch(found_major):
        raise InvalidManifest(f"expected the schema {known}, found {found[:80]!r}")
    if int(found_major) > int(major):
        raise NewerSchema(f"this was written with the schema {found}; this version of lastgood reads {known}")
