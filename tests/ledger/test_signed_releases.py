"""Signed releases: a statement of in-toto in an envelope, whose signature the registry keeps and checks."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

import lastgood
from lastgood.ledger.envelope import is_payload_signed, pre_authentication, read_envelope, write_envelope
from lastgood.ledger.notes import VerifierKey
from lastgood.ledger.signer import new_signer
from lastgood.registry.signing import envelope_of, statement_of
from tests.cli.commands import Desk


def test_the_bytes_that_are_signed_are_those_of_the_specification() -> None:
    # The example of https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
    assert pre_authentication("http://example.com/HelloWorld", b"hello world") == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pre_authentication("é", "é".encode()) == b"DSSEv1 2 \xc3\xa9 2 \xc3\xa9"


def test_a_release_is_signed_as_a_statement_about_its_files(three: Desk) -> None:
    answer = three.ask("ledger", "sign", "r2")
    assert three.ask("show", "r2")["signed_by"] == [answer["key"]]

    with lastgood.open(three.root) as registry:
        manifest = registry.releases.manifest(registry.releases.find("r2").release.release)
        envelope = envelope_of(registry._embedded.context, manifest)
        assert envelope is not None
        payload, key, signature = read_envelope(envelope)
        assert payload == statement_of(manifest, registry.files)
    assert is_payload_signed(payload, key, signature)
    assert not is_payload_signed(payload + b" ", key, signature)
    assert json.loads(envelope)["payloadType"] == "application/vnd.in-toto+json"
    statement = json.loads(payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicate"]["release"] == str(manifest.release)
    named = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    assert named["support-bot/manifest.json"] == str(manifest.release)
    assert {"lastgood.toml", "prompts/system.md", "config/routing.yaml", "models/router.bin"} < set(named)


def test_signing_twice_changes_nothing(three: Desk) -> None:
    three.tell("ledger", "sign", "r2")
    before = three.ask("ledger", "show")["events"]
    three.tell("ledger", "sign", "r2")
    assert three.ask("ledger", "show")["events"] == before
    three.tell("ledger", "key", "--new", "--reason", "once a year")
    three.tell("ledger", "sign", "r2")
    assert len(three.ask("show", "r2")["signed_by"]) == 2
    assert three.ask("verify", "r2")["ok"] is True


def test_a_commit_signs_where_it_is_told_to_or_the_file_says_so(three: Desk) -> None:
    three.commit("Signed.", "--sign")
    assert len(three.ask("show", "latest")["signed_by"]) == 1
    three.commit("Not signed.")
    assert three.ask("show", "latest")["signed_by"] == []
    # A commit that finds nothing to do signs what a crash left unsigned.
    three.commit(None, "--sign")
    assert len(three.ask("show", "latest")["signed_by"]) == 1
    three.write("lastgood.toml", "sign = true\n" + (three.root / "lastgood.toml").read_text())
    three.commit("Always signed.")
    assert len(three.ask("show", "latest")["signed_by"]) == 1
    assert three.ask("verify")["ok"] is True


def test_verify_of_a_release_says_what_is_proven(three: Desk) -> None:
    assert three.ask("verify", "r1")["notes"] == ["r1 is event 2 of the signed history, and not signed itself"]
    key = VerifierKey.parse(three.ask("ledger", "sign", "r1")["key"])
    assert three.ask("verify", "r1")["notes"] == [f"r1 is event 2 of the signed history, and signed by {key.id.hex()}"]
    with closing(sqlite3.connect(three.registry / "catalog.db")) as catalog:
        catalog.execute("DELETE FROM checkpoints")
        catalog.commit()
    assert "the next change signs it, too" in three.ask("verify", "r1")["notes"][0]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE fact_signatures SET signature = '" + "A" * 86 + "=='", "is not right"),
        ("UPDATE fact_signatures SET signature = 'nonsense'", "is not right"),
        ("UPDATE fact_signatures SET release = (SELECT release FROM fact_releases WHERE number = 1)", None),
        (
            "UPDATE fact_signatures SET verifier_key = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'",
            "a key that never signed this history",
        ),
        ("UPDATE fact_releases SET sequence = sequence + 1 WHERE number = 2", "is not that of r2"),
    ],
)
def test_a_signature_or_a_place_in_history_that_is_not_right_is_a_problem(three: Desk, statement: str, words: str | None) -> None:
    three.tell("ledger", "sign", "r2")
    with closing(sqlite3.connect(three.registry / "catalog.db")) as catalog:
        assert catalog.execute(statement).rowcount
        catalog.commit()
    ran = three.run("verify", "r2", "--json")
    if words is None:
        assert ran.answer["notes"][0].endswith("not signed itself")
        assert three.run("verify", "r1").code == 7
    else:
        assert ran.code == 7
        assert any(words in one["what"] for one in ran.answer["problems"])
    assert three.run("verify").code == 7


@pytest.mark.parametrize("document", [b"{}", b"[]", b'{"payloadType": "a", "payload": "", "signatures": []}', b"nonsense"])
def test_what_is_no_envelope_is_refused(document: bytes) -> None:
    with pytest.raises(lastgood.errors.Invalid):
        read_envelope(document)


def test_an_envelope_is_read_as_it_was_written() -> None:
    signer = new_signer("a", bytes(32))
    message = pre_authentication("application/vnd.in-toto+json", b"payload")
    assert read_envelope(write_envelope(b"payload", signer.key, signer.sign(message))) == (b"payload", signer.key, signer.sign(message))
