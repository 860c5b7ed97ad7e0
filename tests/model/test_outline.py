"""Outlines say what manifests say, and believe nothing that is not proven."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lastgood.canonical import canonical_json
from lastgood.clock import parse_instant
from lastgood.errors import InvalidManifest, NewerSchema
from lastgood.ids import ComponentName, FileDigest, PipelineName, ReleaseId
from lastgood.model.component import (
    Content,
    DatasetContent,
    EvalContent,
    FilesContent,
    HostedContent,
    Kind,
    Provenance,
    ReferenceContent,
    RuntimeContent,
    make_component,
)
from lastgood.model.outline import Outline, Outliner
from lastgood.model.release import Manifest, make_manifest

LISTING = FileDigest.of(b"a listing")
CONTENTS: dict[str, Content] = {
    "prompts": FilesContent(Kind.PROMPT, LISTING),
    "router": FilesContent(Kind.ARTIFACT, LISTING),
    "A-config": FilesContent(Kind.CONFIG, LISTING),
    "train": DatasetContent(LISTING, "id"),
    "lake": ReferenceContent("s3://lake/ümlaut", "v7", None),
    "quality": EvalContent(LISTING, "python run.py", None),
    "llm": HostedContent("openai", "gpt-4.1", None),
    "runtime": RuntimeContent(LISTING, "3.11", None, None),
}


def made(**contents: Content) -> Manifest:
    components = [make_component(ComponentName.parse(name), one, Provenance()) for name, one in contents.items()]
    return make_manifest(
        PipelineName("bot"),
        components,
        workspace_file=FileDigest.of(b""),
        parents=(ReleaseId.of(b"1"), ReleaseId.of(b"2")),
        created=parse_instant("2026-11-02T14:05:00.000000Z"),
    )


def event_of(document: bytes, schema: str = "lastgood.event/1", **before: str) -> bytes:
    """Write an event that holds a manifest, behind other fields."""
    other = "".join(f"{json.dumps(name)}:{json.dumps(value)}," for name, value in before.items())
    return b'{"actor":"x","body":{%s"manifest":%s,"number":1},"schema":"%s"}' % (other.encode(), document, schema.encode())


def outline_of(document: bytes, **before: str) -> Outline:
    return Outliner().outline(7, ReleaseId.of(document), event_of(document, **before))


def test_an_outline_says_what_the_manifest_says() -> None:
    manifest = made(**CONTENTS)
    found = outline_of(manifest.document)

    assert (found.number, found.release, found.parents) == (7, manifest.release, manifest.parents)
    assert {name: (one.kind, one.listing) for name, one in found.contents.items()} == {
        name: (one.kind, one.content.listing) for name, one in manifest.components.items()
    }
    assert {name: canonical_json(dict(one.document)) for name, one in manifest.components.items()} == {
        name: one.document for name, one in found.contents.items()
    }
    assert found.contents[ComponentName("llm")].fields == {"provider": "openai", "model": "gpt-4.1", "fingerprint": None}


def test_contents_that_are_alike_are_one_object() -> None:
    outliner, first, second = Outliner(), made(**CONTENTS), made(prompts=CONTENTS["prompts"])
    outlines = [outliner.outline(1, one.release, event_of(one.document)) for one in (first, second)]

    assert outlines[0].contents[ComponentName("prompts")] is outlines[1].contents[ComponentName("prompts")]


def test_a_text_that_looks_like_a_manifest_is_none() -> None:
    manifest = made(**CONTENTS)
    assert outline_of(manifest.document, checkpoint='x","manifest":{"a":1},"y":"').release == manifest.release


def test_a_manifest_of_another_release_is_refused() -> None:
    with pytest.raises(InvalidManifest, match="is not what was committed"):
        Outliner().outline(1, ReleaseId.of(b"another"), event_of(made(**CONTENTS).document))


def test_an_event_of_another_schema() -> None:
    manifest = made(**CONTENTS)
    for schema, error in (("lastgood.event/2", NewerSchema), ("lastgood.letter/1", InvalidManifest), ("", InvalidManifest)):
        with pytest.raises(error):
            Outliner().outline(1, manifest.release, event_of(manifest.document, schema))


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda manifest: manifest.pop(name)


@pytest.mark.parametrize(
    "change",
    [
        *(without(name) for name in ("schema", "state", "behavior", "created", "workspace_file")),
        lambda manifest: manifest.update(state="0" * 64),
        lambda manifest: manifest.update(behavior="0" * 64),
        lambda manifest: manifest.update(parents=["x"]),
        lambda manifest: manifest.update(parents=7),
        lambda manifest: manifest.update(components=[]),
        lambda manifest: manifest.update(created="yesterday"),
        lambda manifest: manifest["components"].pop("prompts"),
        lambda manifest: manifest["components"].update({"../x": manifest["components"]["prompts"]}),
        lambda manifest: manifest["components"]["prompts"].pop("content"),
        lambda manifest: manifest["components"]["prompts"]["content"].update(listing="x"),
        lambda manifest: manifest["components"].update(prompts=7),
    ],
)
def test_a_manifest_that_is_not_right_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads(made(**CONTENTS).document)
    change(manifest)
    with pytest.raises(InvalidManifest):
        outline_of(canonical_json(manifest))


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.update(schema="lastgood.release/2"),
        lambda manifest: manifest["components"]["prompts"]["content"].update(kind="oracle"),
    ],
)
def test_what_a_newer_version_wrote_is_said_to_be_newer(change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads(made(**CONTENTS).document)
    change(manifest)
    with pytest.raises(NewerSchema):
        outline_of(canonical_json(manifest))


@pytest.mark.parametrize("event", [b"", b"{}", b'{"manifest":', b'{"manifest":[', b"\xff", b'{"manifest":' + b"[" * 100_000])
def test_what_is_no_event_is_refused(event: bytes) -> None:
    with pytest.raises(InvalidManifest, match="cannot be read"):
        Outliner().outline(1, ReleaseId.of(b"x"), event)
