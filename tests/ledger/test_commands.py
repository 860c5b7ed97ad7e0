"""The ledger on the command line: checkpoints, proofs that need no registry, other keys, signing commands and witnesses."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given

import lastgood
from lastgood.cli.session import LARGEST_SMALL
from lastgood.ledger.checkpoint import Checkpoint
from lastgood.ledger.notes import VerifierKey, open_note
from lastgood.model.changes.body import Body
from lastgood.registry.operations import say_change
from tests.cli.commands import Desk, run
from tests.model.values import BODIES, effort

SIGN = """
import base64, pathlib, sys
from lastgood.ledger.signer import read_key_file
print(base64.b64encode(read_key_file(pathlib.Path(sys.argv[1])).sign(sys.stdin.buffer.read())).decode())
"""


def key_of(desk: Desk) -> str:
    key: str = desk.ask("ledger", "show")["keys"][-1]["verifier_key"]
    return key


def test_a_checkpoint_is_a_note_that_anybody_can_check(three: Desk, tmp_path: Path) -> None:
    told = three.tell("ledger", "checkpoint").out
    three.tell("ledger", "checkpoint", str(tmp_path / "note"))
    assert (tmp_path / "note").read_text() == told

    opened = open_note(told.encode(), [VerifierKey.parse(key_of(three))])
    assert len(opened.signed_by) == 1
    assert Checkpoint.parse(opened.text).size == three.ask("verify")["events"]
    assert three.fails("ledger", "checkpoint", str(tmp_path / "note"))["kind"] == "already-exists"
    assert (tmp_path / "note").read_text() == told


@pytest.mark.parametrize("what", ["r2", "0", "7"])
def test_a_proof_needs_no_registry(three: Desk, tmp_path: Path, what: str) -> None:
    three.tell("ledger", "prove", what, "--output", str(tmp_path / "proof"))
    proof = json.loads((tmp_path / "proof").read_text())

    ran = run("ledger", "check", str(tmp_path / "proof"), "--key", key_of(three), "--json")
    assert ran.answer == {"schema": "lastgood.ledger-check/1", "ok": True, "kind": "inclusion", "size": 8, "event": proof["index"]}
    event = json.loads(base64.b64decode(proof["event"]))
    assert event["sequence"] == proof["index"]
    assert what != "r2" or event["body"]["number"] == 2


def damaged(proof: dict[str, object]) -> dict[str, dict[str, object]]:
    steps = proof["proof"]
    assert isinstance(steps, list)
    note = str(proof["checkpoint"])
    event = base64.b64decode(str(proof["event"])).replace(b"r", b"q", 1)
    return {
        "a step less": proof | {"proof": steps[1:]},
        "a step changed": proof | {"proof": ["00" * 32, *steps[1:]]},
        "another number": proof | {"index": 3},
        "another event": proof | {"event": base64.b64encode(event).decode()},
        "another root": proof | {"checkpoint": note.replace("\n8\n", "\n9\n")},
        "another signature": proof | {"checkpoint": note[:-9] + "AAAAAAA=\n"},
    }


@pytest.mark.parametrize("name", ["a step less", "a step changed", "another number", "another event", "another root", "another signature"])
def test_a_proof_with_anything_changed_proves_nothing(three: Desk, tmp_path: Path, name: str) -> None:
    three.tell("ledger", "prove", "2", "--output", str(tmp_path / "proof"))
    wrong = damaged(json.loads((tmp_path / "proof").read_text()))[name]
    (tmp_path / "wrong").write_text(json.dumps(wrong))

    assert run("ledger", "check", str(tmp_path / "wrong"), "--key", key_of(three)).code == 7


def test_a_proof_by_a_key_nobody_trusts_proves_nothing(three: Desk, tmp_path: Path) -> None:
    three.tell("ledger", "prove", "r1", "--output", str(tmp_path / "proof"))
    stranger = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

    assert "not signed by a key that is trusted" in run("ledger", "check", str(tmp_path / "proof"), "--key", stranger).err
    assert "say --key KEY" in run("ledger", "check", str(tmp_path / "proof")).err


def test_a_history_that_only_grew_is_proven(three: Desk, tmp_path: Path) -> None:
    three.tell("ledger", "checkpoint", str(tmp_path / "old"))
    three.commit("More.")
    three.tell("ledger", "prove", "--since", str(tmp_path / "old"), "--output", str(tmp_path / "proof"))

    check = ["ledger", "check", str(tmp_path / "proof"), "--key", key_of(three)]
    ran = run(*check, "--against", str(tmp_path / "old"))
    assert ran.code == 0
    assert "only grew, from 8 to 9 events" in ran.out
    assert run(*check).code == 2
    proof = json.loads((tmp_path / "proof").read_text())
    (tmp_path / "proof").write_text(json.dumps(proof | {"old": 7}))
    assert run(*check, "--against", str(tmp_path / "old")).code == 7


@pytest.mark.parametrize(
    "arguments", [["99"], ["r99"], ["--since", "99"], ["--since", "0"], [], ["1", "--since", "1"], ["--since", "nowhere"]]
)
def test_what_cannot_be_proven_is_said(three: Desk, arguments: list[str]) -> None:
    assert three.fails("ledger", "prove", *arguments)["kind"] in {"not-found", "invalid"}


@pytest.mark.parametrize("content", ["", "{}", '{"schema": "lastgood.proof/1"}', '{"schema": "lastgood.proof/2"}', "[" * 100_000])
def test_what_is_no_proof_is_said(three: Desk, tmp_path: Path, content: str) -> None:
    (tmp_path / "proof").write_text(content)
    assert three.fails("ledger", "check", str(tmp_path / "proof"))["kind"] in {"invalid", "invalid-manifest", "newer-schema"}
    assert three.fails("ledger", "check", "nowhere")["kind"] == "not-found"


def test_what_is_no_small_plain_file_is_not_read(three: Desk, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as large:
        large.truncate(LARGEST_SMALL + 1)
    for name in ("pipe", "large", "."):
        for command in (["verify", "--against"], ["ledger", "check"], ["ledger", "prove", "--since"]):
            assert three.fails(*command, str(tmp_path / name))["kind"] == "invalid", (name, command)


def test_a_command_can_hold_the_key(three: Desk, tmp_path: Path) -> None:
    (path,) = (three.registry / "keys").iterdir()
    aside = path.rename(tmp_path / "token.key")
    command = f"{sys.executable} -c '{SIGN}' {aside}"
    three.tell("ledger", "key", "--signer", command, "--key", key_of(three), "--reason", "into the token")

    three.commit("Signed by a token.")
    assert three.ask("verify")["ok"] is True
    assert three.ask("ledger", "show")["signer"][0] == sys.executable
    aside.unlink()
    error = three.fails("deploy", "staging")
    assert (error["kind"], error["details"]["outcome"]) == ("unsealed", "stands")
    assert "did not sign" in error["message"]


def test_a_key_of_a_command_is_handed_over_to_by_the_key_before(three: Desk, tmp_path: Path) -> None:
    other = tmp_path / "token.key"
    other.write_text("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz\n")
    other.chmod(0o600)
    key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    command = f"{sys.executable} -c '{SIGN}' {other}"

    three.tell("ledger", "key", "--signer", command, "--key", key, "--reason", "into the token")
    three.commit("Signed by a token.")
    assert three.ask("verify")["ok"] is True
    assert b"PeterNeumann" in three.tell("ledger", "checkpoint").out.encode()
    again = three.fails("ledger", "key", "--signer", command, "--key", key, "--reason", "again")
    assert again["kind"] == "conflict"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--reason", "x"],
        ["--new", "--signer", "a", "--reason", "x"],
        ["--signer", "a", "--reason", "x"],
        ["--signer", "'", "--key", "k", "--reason", "x"],
    ],
)
def test_a_key_that_is_not_said_right_changes_nothing(three: Desk, arguments: list[str]) -> None:
    before = three.ask("ledger", "show")
    assert three.fails("ledger", "key", *arguments)["kind"] == "invalid"
    assert three.fails("ledger", "trust", "00000000")["kind"] == "not-found"
    assert three.ask("ledger", "show") == before


def test_a_witness_is_told_of_each_checkpoint(three: Desk, tmp_path: Path) -> None:
    keep = f"import sys; open({str(tmp_path / 'witnessed')!r}, 'ab').write(sys.stdin.buffer.read())"
    three.tell("ledger", "witness", "--", sys.executable, "-c", keep)
    three.commit("Watched.")
    three.tell("rollback", "prod")

    notes = (tmp_path / "witnessed").read_bytes()
    assert notes.endswith(three.tell("ledger", "checkpoint").out.encode())
    assert notes.count(b"lastgood/registry") == 4
    three.tell("ledger", "witness", "--none")
    three.commit("Not watched.")
    assert (tmp_path / "witnessed").read_bytes() == notes


@pytest.mark.parametrize("script", ["import sys; sys.exit('no')", None])
def test_a_witness_that_fails_stops_nothing(three: Desk, script: str | None) -> None:
    three.tell("ledger", "witness", "--", *([sys.executable, "-c", script] if script else ["/no/such/command"]))
    three.write("prompts/system.md", "Watched.\n")

    ran = three.tell("commit")
    assert "the change stands and is signed, but the witness" in ran.err
    assert three.ask("verify")["ok"] is True


def test_a_host_file_that_is_not_right_stops_changes_and_says_so(three: Desk) -> None:
    three.write(".lastgood/ledger.json", "{}")
    error = three.fails("deploy", "staging")
    assert error["kind"] == "integrity"
    assert "ledger.json is not right" in error["message"]
    assert three.ask("log", "--env", "prod")["items"]


@pytest.mark.parametrize("kind", BODIES, ids=lambda kind: kind.type)
def test_every_change_is_told_in_words(three: Desk, kind: type[Body]) -> None:
    with lastgood.open(three.root) as registry, registry._embedded.context.database.reading() as session:

        @effort(3)
        @given(BODIES[kind])
        def check(body: Body) -> None:
            assert say_change(session, body) not in {"", body.type}

        check()
