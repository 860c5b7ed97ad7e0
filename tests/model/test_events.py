"""Events: small classes that survive their bytes, and leaf hashes as RFC 6962 has them."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from datetime import datetime
from importlib import import_module
from itertools import product
from pkgutil import iter_modules
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.canonical import Json, JsonObject, canonical_json, parse_json, parse_json_object
from lastgood.clock import parse_instant
from lastgood.errors import Invalid, InvalidManifest, LastgoodError, NewerSchema
from lastgood.ids import BehaviorDigest, EnvironmentName, OperationId, PipelineName, ReleaseId, TagName, TextDigest
from lastgood.model import changes
from lastgood.model.changes.body import Body
from lastgood.model.changes.environments import EnvironmentMoved, MoveKind
from lastgood.model.changes.releases import TagSet
from lastgood.model.event import EVENT_TYPES, SALT_BYTES, Event, body_from_json, body_to_json, leaf_hash, read_event, text_digest
from tests.model.values import BODIES, bodies, digests, effort, instants, json_values, numbers, operations

events = st.builds(Event, numbers, instants, digests(TextDigest), operations, bodies)

MOVED = Event(
    sequence=7,
    recorded_at=parse_instant("2026-11-02T14:05:00.000000Z"),
    actor=TextDigest.of(b"actor"),
    operation=OperationId.parse("6f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10"),
    body=EnvironmentMoved(
        pipeline=PipelineName("bot"),
        environment=EnvironmentName("prod"),
        revision=3,
        kind=MoveKind.ROLLBACK,
        replaced=ReleaseId.of(b"two"),
        release=ReleaseId.of(b"one"),
        behavior=BehaviorDigest.of(b"one"),
        entry=1,
        below=None,
        suspects=(BehaviorDigest.of(b"two"),),
        cleared=None,
        reason=TextDigest.of(b"reason"),
    ),
)


def test_every_type_of_event_is_known_by_its_name() -> None:
    modules = [import_module(f"{changes.__name__}.{one.name}") for one in iter_modules(changes.__path__)]
    kinds = {kind for module in modules for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Body)}
    assert set(EVENT_TYPES.values()) == kinds - {Body}
    assert all(name == kind.type for name, kind in EVENT_TYPES.items())


@effort(60)
@given(events)
def test_an_event_is_read_as_it_was_written(event: Event) -> None:
    document = event.document()
    read = read_event(document)
    assert read == event
    assert read.document() == document
    assert canonical_json(parse_json(document)) == document
    for field in fields(read.body):
        assert type(getattr(read.body, field.name)) is type(getattr(event.body, field.name)), field.name


@pytest.mark.parametrize("kind", EVENT_TYPES.values(), ids=EVENT_TYPES.keys())
def test_every_field_of_every_type_is_needed_and_typed(kind: type[Body]) -> None:
    @effort(4)
    @given(BODIES[kind])
    def check(body: Body) -> None:
        outer: Any = body_to_json(body)
        wrongs: list[Any] = [1.5, ["\n"], {"a": 1}, "not one of them\n", True]
        for name, wrong in product(outer["body"], wrongs):
            try:
                changed = body_from_json({**outer, "body": {**outer["body"], name: wrong}})
            except InvalidManifest:
                continue
            # Texts and objects that nobody here looks into may hold anything of their own type.
            assert getattr(changed, name) == wrong
            assert name in {"registry", "policy", "manifest", "gates", "metrics", "runner", "preventable"}
        for name in outer["body"]:
            without = {one: value for one, value in outer["body"].items() if one != name}
            if outer["body"][name] is not None and name not in {"suspects", "lifted"}:
                assert _refused_or_none({**outer, "body": without}, name)

    check()


def _refused_or_none(value: Json, name: str) -> bool:
    try:
        return getattr(body_from_json(value), name) is None
    except InvalidManifest:
        return True


@pytest.mark.parametrize("kind", [kind for kind in EVENT_TYPES.values() if kind.later], ids=lambda kind: kind.type)
def test_a_field_that_came_later_is_not_written_where_it_says_nothing(kind: type[Body]) -> None:
    """So the bytes of an event that an older version wrote are the same when it is read and written again."""

    @effort(20)
    @given(BODIES[kind])
    def check(body: Body) -> None:
        written: Any = body_to_json(body)
        before = {name: value for name, value in written["body"].items() if name not in kind.later}
        old = body_from_json({**written, "body": before})
        assert body_to_json(old) == {**written, "body": before}
        assert all(getattr(old, name) in (None, ()) for name in kind.later)
        assert {name for name in kind.later if getattr(body, name) not in (None, ())} == set(written["body"]) - set(before)

    check()


def test_a_move_without_gates_is_written_as_it_was_before_there_were_any() -> None:
    assert b"gates" not in MOVED.document()
    assert read_event(MOVED.document()).document() == MOVED.document()


def test_a_policy_is_what_its_digest_says() -> None:
    body: JsonObject = {"pipeline": "bot", "environment": "prod", "policy": {"gates": []}, "digest": "0" * 64}
    with pytest.raises(InvalidManifest, match="another policy than its digest"):
        body_from_json({"type": "policy.applied", "body": body})


def test_golden() -> None:
    """Written out by hand: the sha256 of these bytes is the same in every version."""
    actor, one, two, reason = (hashlib.sha256(name).hexdigest() for name in (b"actor", b"one", b"two", b"reason"))
    text = (
        f'{{"actor":"{actor}","body":{{"behavior":"{one}","below":null,"cleared":null,"entry":1,"environment":"prod","kind":"rollback",'
        f'"pipeline":"bot","reason":"{reason}","release":"{one}","replaced":"{two}","revision":3,"suspects":["{two}"]}},'
        '"operation":"6f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10","recorded_at":"2026-11-02T14:05:00.000000Z",'
        '"schema":"lastgood.event/1","sequence":7,"type":"environment.moved"}'
    )
    assert MOVED.document() == text.encode()
    assert leaf_hash(MOVED.document()).hex() == "0023590988d9fae16de7f8486a40329db6619c609372ceb953a90abae81f9a4a"


# The leaves of the test tree of the certificate-transparency reference implementation (merkletree/merkle_tree_test.cc),
# which tests of RFC 6962 share, with their hashes.
@pytest.mark.parametrize(
    ("leaf", "digest"),
    [
        ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        ("00", "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"),
        ("10", "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7"),
        ("2021", "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7"),
        ("3031", "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"),
        ("40414243", "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658"),
        ("5051525354555657", "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"),
        ("606162636465666768696a6b6c6d6e6f", "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1"),
    ],
)
def test_leaf_hashes_are_those_of_rfc_6962(leaf: str, digest: str) -> None:
    assert leaf_hash(bytes.fromhex(leaf)).hex() == digest


def test_a_text_stands_under_a_salted_digest() -> None:
    salt = bytes(range(SALT_BYTES))
    assert text_digest(salt, "é") == hashlib.sha256(salt + b"\xc3\xa9").digest()
    assert text_digest(salt, "é") != text_digest(bytes(SALT_BYTES), "é")


@pytest.mark.parametrize("text", ["\udcff", "a\ud800b", "a\0b"])
def test_a_text_that_no_catalog_could_keep_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="nothing was changed"):
        text_digest(bytes(SALT_BYTES), text)


def test_an_unknown_field_is_passed_over_and_an_unknown_type_is_not() -> None:
    document: dict[str, Any] = parse_json_object(MOVED.document())
    assert read_event(canonical_json({**document, "x-later": 1, "body": {**document["body"], "x-later": [1]}})) == MOVED
    with pytest.raises(NewerSchema, match=r"environment\.evaporated"):
        read_event(canonical_json({**document, "type": "environment.evaporated"}))
    with pytest.raises(NewerSchema, match=r"lastgood\.event/2"):
        read_event(canonical_json({**document, "schema": "lastgood.event/2", "body": None}))


WRONG: dict[str, dict[str, Json]] = {
    "another schema": {"schema": "lastgood.release/1"},
    "no schema": {"schema": None},
    "a sequence in words": {"sequence": "7"},
    "no sequence": {"sequence": None},
    "a time of another form": {"recorded_at": "2026-11-02"},
    "a time in another zone": {"recorded_at": "2026-11-02T14:05:00.000000+02:00"},
    "an actor by name": {"actor": "ada@example.org"},
    "an operation that is no UUID": {"operation": "one"},
    "a body that is a list": {"body": []},
    "no body": {"body": None},
    "a type that is a number": {"type": 1},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_events_that_lack_their_form_are_refused(change: dict[str, Json]) -> None:
    with pytest.raises(InvalidManifest):
        read_event(canonical_json({**parse_json_object(MOVED.document()), **change}))


@pytest.mark.parametrize("document", [b"", b"{", b"[]", b"\xff", b"null", b'{"a":1,"a":1}', b"[" * 100_000, b'{"schema":"\\ud800"}'])
def test_bytes_that_are_no_event_are_refused(document: bytes) -> None:
    with pytest.raises(InvalidManifest):
        read_event(document)


@effort(60)
@given(st.dictionaries(st.sampled_from(["type", "body", "schema", "sequence", "actor"]), json_values))
def test_hostile_events_end_in_an_error_of_ours(document: dict[str, Json]) -> None:
    with pytest.raises(LastgoodError):
        read_event(canonical_json(document))


WITHOUT_FREE_TEXT = {
    "BehaviorDigest",
    "BehaviorDigest | None",
    "ComponentName",
    "Currency | None",
    "ContentDigest",
    "ContentDigest | None",
    "EnvironmentName",
    "EnvironmentName | None",
    "HookName",
    "HookOutcome",
    "IncidentKind",
    "IncidentName",
    "IncidentName | None",
    "IncidentStep",
    "FileDigest",
    "Mapping[str, Json]",
    "Mapping[str, Json] | None",
    "MoveKind",
    "OperationId",
    "PipelineName",
    "PlanDigest",
    "PolicyDigest",
    "RegistryId",
    "ReleaseId",
    "ReleaseId | None",
    "SignatureText",
    "SourceDigest",
    "SourceDigest | None",
    "SignedNoteText",
    "SignedNoteText | None",
    "TagName",
    "TextDigest",
    "TextDigest | None",
    "Verdict",
    "VerifierKeyText",
    "bool | None",
    "datetime",
    "datetime | None",
    "int",
    "int | None",
    "tuple[BehaviorDigest, ...]",
    "tuple[FileDigest, ...]",
    "tuple[Removal, ...]",
}


def test_no_name_of_a_person_and_no_free_text_is_in_an_event() -> None:
    """Every field that holds what a person wrote is a digest; a new field of another type has to be looked at here."""
    assert {field.type for kind in EVENT_TYPES.values() for field in fields(kind)} == WITHOUT_FREE_TEXT


def test_instants_of_events_keep_their_microseconds() -> None:
    at = datetime.fromisoformat("2026-11-02T14:05:00.000001+00:00")
    body = TagSet(PipelineName("bot"), TagName("v1"), ReleaseId.of(b""))
    assert read_event(Event(0, at, MOVED.actor, MOVED.operation, body).document()).recorded_at == at
