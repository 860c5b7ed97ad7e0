"""Manifests: what is written is read again, what another version added survives, and what is not right is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.canonical import canonical_json, parse_json_object
from lastgood.errors import InvalidManifest, NewerSchema
from lastgood.ids import BehaviorDigest, ComponentName, FileDigest, PipelineName, ReleaseId, StateDigest
from lastgood.model.component import (
    Component,
    Content,
    HostedContent,
    Kind,
    MadeBy,
    Provenance,
    component_from_json,
    content_from_json,
    make_component,
    provenance_from_json,
)
from lastgood.model.release import BEHAVIOR_SCHEMA, STATE_SCHEMA, Manifest, check_schema, make_manifest, read_manifest
from tests.model.values import components, contents, effort, instants, provenances

Document = dict[str, Any]


def example() -> Document:
    """Return the document of a manifest with one component of each form."""
    listing = str(FileDigest.of(b""))
    provenance: Document = {"made_by": None, "derived_from": [], "licence": None, "observed": {}}
    made_by = {"run": "make", "inputs": {"train": listing, "far": None}, "seed": 1, "asserted": False}
    return {
        "schema": "lastgood.release/1",
        "pipeline": "bot",
        "state": "",
        "behavior": "",
        "components": {
            "p": {"content": {"kind": "prompt", "listing": listing}, "provenance": {**provenance, "made_by": made_by}},
            "h": {"content": {"kind": "hosted", "provider": "x", "model": "y", "fingerprint": None}, "provenance": provenance},
            "d": {"content": {"kind": "dataset", "listing": listing, "key": "id"}, "provenance": provenance},
            "u": {"content": {"kind": "dataset", "uri": "s3://x", "version": "1", "digest": None}, "provenance": provenance},
            "e": {"content": {"kind": "eval", "listing": listing, "run": "go", "on": "d"}, "provenance": provenance},
            "r": {
                "content": {"kind": "runtime", "listing": listing, "python": "3.11", "platform": None, "container": None},
                "provenance": provenance,
            },
        },
        "workspace_file": listing,
        "parents": [str(ReleaseId.of(b"parent"))],
        "created": "2026-11-02T14:05:00.000000Z",
    }


def sealed(document: Document) -> bytes:
    """Return a manifest's bytes with the digests that belong to its components, made without the model."""
    contents = {name: one["content"] for name, one in document["components"].items()}
    acting = {name: one for name, one in contents.items() if one["kind"] not in {"dataset", "eval"}}
    state = StateDigest.of(canonical_json({"schema": STATE_SCHEMA, "components": contents}))
    behavior = BehaviorDigest.of(canonical_json({"schema": BEHAVIOR_SCHEMA, "components": acting}))
    return canonical_json({**document, "state": str(state), "behavior": str(behavior)})


@effort(30)
@given(st.lists(components, max_size=3, unique_by=lambda one: one.name), instants)
def test_a_manifest_is_read_as_it_was_made(parts: list[Component], created: datetime) -> None:
    parent = ReleaseId.of(b"parent")
    made = make_manifest(PipelineName("bot"), parts, workspace_file=FileDigest.of(b"w"), parents=(parent,), created=created)
    read = read_manifest(made.document)
    assert read == made
    assert read.components == {one.name: one for one in parts}
    assert list(read.components) == sorted(one.name for one in parts)
    assert (read.pipeline, read.workspace_file, read.parents, read.created) == ("bot", FileDigest.of(b"w"), (parent,), created)
    assert read.release == ReleaseId.of(made.document)


@effort(30)
@given(contents)
def test_contents_survive_a_round_trip(content: Content) -> None:
    assert content_from_json(content.to_json()) == content


@effort(30)
@given(provenances)
def test_provenance_survives_a_round_trip(provenance: Provenance) -> None:
    assert provenance_from_json(provenance.to_json()) == provenance


def test_the_example_is_right() -> None:
    manifest = read_manifest(sealed(example()))
    assert {str(name): one.kind for name, one in manifest.components.items()} == {
        "d": Kind.DATASET,
        "e": Kind.EVAL,
        "h": Kind.HOSTED,
        "p": Kind.PROMPT,
        "r": Kind.RUNTIME,
        "u": Kind.DATASET,
    }
    assert manifest.created == datetime(2026, 11, 2, 14, 5, tzinfo=UTC)


FIELD = {"x-later": {"deep": [1, None, {"a": "é"}]}}
LEVELS: dict[str, Callable[[Document], Document]] = {
    "the manifest": lambda document: document,
    "a component": lambda document: document["components"]["p"],
    "a provenance": lambda document: document["components"]["p"]["provenance"],
    "how it was made": lambda document: document["components"]["p"]["provenance"]["made_by"],
    "what was observed": lambda document: document["components"]["p"]["provenance"]["observed"],
    **{f"the content of {name}": (lambda document, name=name: document["components"][name]["content"]) for name in "phduer"},  # type: ignore[misc]
}


@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS.keys())
def test_unknown_fields_survive_at_every_level(level: Callable[[Document], Document]) -> None:
    document = example()
    level(document).update(FIELD)
    data = sealed(document)
    manifest = read_manifest(data)
    assert manifest.document == data
    assert manifest.release == ReleaseId.of(data)
    assert level(json.loads(manifest.document)).items() >= FIELD.items()


@pytest.mark.parametrize("name", "phduer")
def test_an_unknown_field_of_a_content_is_part_of_its_identity(name: str) -> None:
    document = example()
    before = read_manifest(sealed(document))
    document["components"][name]["content"].update(FIELD)
    after = read_manifest(sealed(document))
    key = ComponentName(name)
    assert after.components[key].content == before.components[key].content
    assert after.components[key].digest != before.components[key].digest
    assert after.state != before.state
    assert (after.behavior != before.behavior) == after.components[key].kind.acts


def test_a_component_that_is_carried_over_keeps_its_unknown_fields() -> None:
    document = example()
    document["components"]["p"]["content"].update(FIELD)
    before = read_manifest(sealed(document))
    after = make_manifest(
        before.pipeline, before.components.values(), workspace_file=before.workspace_file, parents=(before.release,), created=before.created
    )
    assert after.state == before.state
    assert json.loads(after.document)["components"]["p"]["content"].items() >= FIELD.items()


@pytest.mark.parametrize("schema", ["lastgood.release/2", "lastgood.release/999999999"])
def test_a_newer_schema_is_refused_with_a_hint(schema: str) -> None:
    document = {**example(), "schema": schema, "components": "something else altogether"}
    with pytest.raises(NewerSchema, match=schema) as caught:
        read_manifest(canonical_json(document))
    assert caught.value.hint == "upgrade lastgood"


def test_a_kind_of_component_from_a_newer_version_is_refused_with_a_hint() -> None:
    document = example()
    document["components"]["p"]["content"]["kind"] = "telepathy"
    with pytest.raises(NewerSchema, match="telepathy") as caught:
        read_manifest(sealed(document))
    assert caught.value.hint == "upgrade lastgood"


@pytest.mark.parametrize(
    "schema",
    [
        "",
        "x/1",
        "lastgood.event/1",
        "lastgood.release",
        "lastgood.release/",
        "lastgood.release/0",
        "lastgood.release/01",
        "lastgood.release/1.0",
        "lastgood.release/-1",
        "lastgood.release/١",
        "lastgood.release/²",
        "lastgood.release/1\n",
        "lastgood.release/" + "9" * 10_000,
    ],
)
def test_another_schema_is_refused(schema: str) -> None:
    with pytest.raises(InvalidManifest, match=r"expected the schema lastgood\.release/1") as caught:
        check_schema(schema, "lastgood.release/1")
    assert len(str(caught.value)) < 300


def put(*path: str, value: object) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        for name in path[:-1]:
            document = document[name]
        document[path[-1]] = value

    return change


def drop(*path: str) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        for name in path[:-1]:
            document = document[name]
        del document[path[-1]]

    return change


P = ("components", "p")
CHANGES = {
    **{f"no {name}": drop(name) for name in ("pipeline", "components", "workspace_file", "parents", "created", "schema")},
    "no content": put("components", value={"p": {"provenance": {}}}),
    "no provenance": drop(*P, "provenance"),
    "no listing": drop(*P, "content", "listing"),
    "no kind": put("components", value={"p": {"content": {}, "provenance": {}}}),
    "no model": drop("components", "h", "content", "model"),
    "a pipeline that is no name": put("pipeline", value="../x"),
    "a pipeline that is a number": put("pipeline", value=1),
    "components in a list": put("components", value=[]),
    "a component that is no object": put("components", value={"p": 1}),
    "a component whose name is none": lambda document: document["components"].update({"a/b": document["components"]["p"]}),
    "a parent that is no digest": put("parents", value=["x"]),
    "a parent that is no text": put("parents", value=[1]),
    "parents in an object": put("parents", value={}),
    "a time of another form": put("created", value="2026-11-02"),
    "a time that is a number": put("created", value=0),
    "a workspace file that is no digest": put("workspace_file", value="x"),
    "a listing that is no digest": put(*P, "content", "listing", value="0" * 63),
    "a listing that is null": put(*P, "content", "listing", value=None),
    "an eval on what is no name": put("components", "e", "content", "on", value="../d"),
    "an eval on a number": put("components", "e", "content", "on", value=1),
    "a key that is a list": put("components", "d", "content", "key", value=[]),
    "made by nothing that is an object": put(*P, "provenance", "made_by", value="make"),
    "inputs that are no texts": put(*P, "provenance", "made_by", "inputs", value={"a": 1}),
    "a seed that is true": put(*P, "provenance", "made_by", "seed", value=True),
    "a seed with a fraction": put(*P, "provenance", "made_by", "seed", value=1.5),
    "asserted by a number": put(*P, "provenance", "made_by", "asserted", value=1),
    "derived from a text": put(*P, "provenance", "derived_from", value="x"),
    "a licence that is a list": put(*P, "provenance", "licence", value=["MIT"]),
    "observed in a list": put(*P, "provenance", "observed", value=[1]),
}


def bytes_of(document: Document) -> bytes:
    try:
        return sealed(document)
    except (KeyError, AttributeError, TypeError):
        return canonical_json(document)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_manifests_that_lack_their_form_are_refused(change: Callable[[Document], None]) -> None:
    document = example()
    change(document)
    with pytest.raises(InvalidManifest):
        read_manifest(bytes_of(document))


@pytest.mark.parametrize("name", ["state", "behavior"])
def test_a_manifest_whose_digests_are_not_its_own_is_refused(name: str) -> None:
    document = parse_json_object(sealed(example()))
    for wrong in (str(StateDigest.of(b"other")), "x", None):
        with pytest.raises(InvalidManifest):
            read_manifest(canonical_json({**document, name: wrong}))


def test_a_changed_content_is_noticed() -> None:
    data = sealed(example())
    with pytest.raises(InvalidManifest, match="not that of its components"):
        read_manifest(data.replace(b'"model":"y"', b'"model":"z"'))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"\n",
        lambda data: b" " + data,
        lambda data: data.replace(b":", b": ", 1),
        lambda data: data.replace(b'"bot"', b'"\\u0062ot"'),
        lambda data: data.decode().encode("utf-16"),
        lambda data: data.decode().encode("utf-8-sig"),
        lambda data: data.replace(b'"seed":1', b'"seed":1.0'),
        lambda data: data.replace(b'"seed":1', b'"seed":1,"seed":1'),
        lambda data: data.replace(b'"seed":1', b'"seed":9007199254740993'),
        lambda data: data.replace(b'"seed":1', b'"seed":NaN'),
        lambda data: data.replace(b'"observed":{}', b'"observed":' + b"[" * 100 + b"]" * 100, 1),
        lambda data: data[:-1],
        lambda _: b"",
        lambda _: b"[]",
        lambda _: b"null",
        lambda _: b"\xff\xfe",
        lambda _: b"[" * 1_000_000,
    ],
)
def test_other_bytes_than_canonical_ones_are_refused(change: Callable[[bytes], bytes]) -> None:
    changed = change(sealed(example()))
    assert changed != sealed(example())
    with pytest.raises(InvalidManifest) as caught:
        read_manifest(changed)
    assert len(str(caught.value)) < 1_000


@effort(30)
@given(st.data())
def test_one_wrong_byte_is_never_read_as_the_same_release(data: st.DataObject) -> None:
    document = bytearray(sealed(example()))
    document[data.draw(st.integers(0, len(document) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        manifest = read_manifest(bytes(document))
    except (InvalidManifest, NewerSchema):
        return
    assert manifest.release != ReleaseId.of(sealed(example()))


def test_declared_is_what_makes_a_release() -> None:
    declared = Provenance(MadeBy("make", {"b": None, "a": None}, 1), ("s3://x@1",), "MIT", {"os": "linux"})
    same = Provenance(MadeBy("make", {"a": "0" * 64, "b": None}, 1, asserted=False), ("s3://x@1",), "MIT", {"os": "macos"})
    assert declared.declared == same.declared
    others = [
        Provenance(MadeBy("make all", declared.made_by.inputs if declared.made_by else {}, 1), ("s3://x@1",), "MIT"),
        Provenance(MadeBy("make", {"a": None}, 1), ("s3://x@1",), "MIT"),
        Provenance(MadeBy("make", {"a": None, "b": None}, 2), ("s3://x@1",), "MIT"),
        Provenance(MadeBy("make", {"a": None, "b": None}, 1), ("s3://x@2",), "MIT"),
        Provenance(MadeBy("make", {"a": None, "b": None}, 1), ("s3://x@1",), None),
        Provenance(None, ("s3://x@1",), "MIT"),
    ]
    assert all(one.declared != declared.declared for one in others)


def test_manifests_are_compared_by_what_was_written() -> None:
    one, other = read_manifest(sealed(example())), read_manifest(sealed(example()))
    changed = example()
    changed["created"] = "2026-11-02T14:05:00.000001Z"
    assert one == other
    assert len({one, other, read_manifest(sealed(changed))}) == 2
    assert isinstance(one, Manifest)


def test_a_component_says_who_it_is() -> None:
    content = HostedContent("openai", "gpt-4.1", None)
    one = make_component(ComponentName("llm"), content, Provenance())
    assert one.kind is Kind.HOSTED
    assert component_from_json("llm", {"content": content.to_json(), "provenance": {}}) == one
