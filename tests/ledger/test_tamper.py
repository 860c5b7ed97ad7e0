"""A registry's file in the hands of somebody who knows it as well as we do: whatever they do to history is found.

Some of it the registry itself tells: rows that do not follow from events, hashes, signatures. Of what is made right again
everywhere, with the stolen key, only a checkpoint can tell that was kept elsewhere, or was seen by this user's machine.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

import lastgood
from lastgood.catalog import tree
from lastgood.catalog.records import stored_events
from lastgood.catalog.sqlite import SQLiteDatabase
from lastgood.ledger.signer import new_signer
from lastgood.model.event import leaf_hash
from lastgood.registry.memory import Memory
from lastgood.registry.sealing import Sealing
from lastgood.testing.history import replay_facts
from tests.cli.commands import Desk


def catalog_of(desk: Desk) -> Path:
    return desk.registry / "catalog.db"


def change(desk: Desk, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(catalog_of(desk))) as catalog:
        assert catalog.execute(statement, values).rowcount > 0
        catalog.commit()


def events_of(desk: Desk) -> list[bytes]:
    database = SQLiteDatabase(catalog_of(desk))
    try:
        return [document for _, _, document in stored_events(database)]
    finally:
        database.close()


def make_history(desk: Desk, documents: Sequence[bytes]) -> None:
    """Put another history in the place of the one that is there: events, facts and tree fit, and the stolen key signs it."""
    database = SQLiteDatabase(catalog_of(desk))
    try:
        with database.writing() as session:
            for table in ("events", "checkpoints"):
                session.execute(f"DELETE FROM {table}")  # noqa: S608
            replay_facts(session, documents)
            for sequence, document in enumerate(documents):
                session.execute(
                    "INSERT INTO events (sequence, leaf, document) VALUES (:sequence, :leaf, :document)",
                    sequence=sequence,
                    leaf=leaf_hash(document),
                    document=document,
                )
        Sealing(desk.registry, os.urandom, Memory(None, desk.registry), print).seal(database)
        with database.reading() as session:
            assert tree.signed_size(session) == len(documents)
    finally:
        database.close()


def renumbered(documents: Sequence[bytes]) -> list[bytes]:
    changed = [json.loads(document) | {"sequence": number} for number, document in enumerate(documents)]
    return [json.dumps(one, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode() for one in changed]


def problems_of(desk: Desk, *options: str) -> list[str]:
    ran = desk.run("verify", *options, "--json")
    assert (ran.code, ran.answer["ok"]) in {(0, True), (7, False)}
    return [one["what"] for one in ran.answer["problems"]]


@pytest.fixture
def checkpoint(three: Desk, tmp_path: Path) -> str:
    """A checkpoint of the history as it is before anybody touches it, kept elsewhere."""
    three.tell("deploy", "staging", "r2")
    three.tell("ledger", "checkpoint", str(tmp_path / "checkpoint"))
    three.tell("verify")
    assert len(events_of(three)) == 9
    return str(tmp_path / "checkpoint")


def test_what_nobody_touched_is_right(three: Desk, checkpoint: str) -> None:
    assert problems_of(three, "--against", checkpoint) == []
    three.commit("Something else.")
    three.tell("rollback", "prod")
    assert problems_of(three, "--against", checkpoint, "--replay") == []
    answer = three.ask("ledger", "show")
    assert answer["signed"] == answer["events"] == len(events_of(three))


RECORDS: dict[str, tuple[str, str]] = {
    "an event": (
        "UPDATE events SET document = CAST(replace(CAST(document AS TEXT), '\"deploy\"', '\"rollback\"') AS BLOB) WHERE sequence = 8",
        "event 8 is not what its leaf hash says",
    ),
    "an event's hash": ("UPDATE events SET leaf = zeroblob(32) WHERE sequence = 4", "event 4 is not what its leaf hash says"),
    "an event's number": ("UPDATE events SET sequence = 99 WHERE sequence = 8", "event"),
    "a text": ("UPDATE texts SET text = 'nothing' WHERE text = 'first'", "is not what its digest says"),
    "a checkpoint": ("UPDATE checkpoints SET note = replace(note, 'lastgood', 'bastgood') WHERE size = 9", "the checkpoint over 9 events"),
    "a checkpoint's size": ("UPDATE checkpoints SET size = 1000 WHERE size = 9", "the checkpoint over 1000 events is about 9"),
    "a checkpoint that is another": (
        "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = 7) WHERE size = 9",
        "the checkpoint over 9 events is about",
    ),
    "a node of the tree": (
        "UPDATE fact_nodes SET hash = zeroblob(32) WHERE level = 1 AND position = 2",
        "fact_nodes: the row (level 1, position 2",
    ),
    "who deployed": (
        "UPDATE fact_deployments SET actor = zeroblob(32) WHERE revision = 1 AND environment = 'prod'",
        "fact_deployments: the row (pipeline support-bot, environment prod, revision 1) is not what the ledger says: actor is",
    ),
}


@pytest.mark.parametrize(("statement", "words"), RECORDS.values(), ids=RECORDS)
def test_a_row_that_was_edited_is_named(three: Desk, checkpoint: str, statement: str, words: str) -> None:
    assert checkpoint
    change(three, statement)
    assert any(words in problem for problem in problems_of(three)), problems_of(three)


def cut_off(desk: Desk) -> None:
    make_history(desk, events_of(desk)[:-5])


def swapped(desk: Desk) -> None:
    documents = events_of(desk)
    documents[4], documents[5] = documents[5], documents[4]
    make_history(desk, renumbered(documents))


def edited(desk: Desk) -> None:
    documents = events_of(desk)
    documents[8] = documents[8].replace(b'"recorded_at":"20', b'"recorded_at":"19')
    make_history(desk, documents)


def added(desk: Desk) -> None:
    documents = events_of(desk)
    make_history(desk, renumbered([*documents[:-1], documents[-1].replace(b'"staging"', b'"nowhere"'), documents[-1]]))


PERFECT: dict[str, tuple[Callable[[Desk], None], str]] = {
    "the last five events deleted": (cut_off, "over 9 events, is too long, 4 are there: the history was cut off, event 4 is missing"),
    "two events swapped": (swapped, "over 9 events, is of another history"),
    "an event edited": (edited, "over 9 events, is of another history"),
    "an event put in": (added, "over 9 events, is of another history"),
}


@pytest.mark.parametrize(("tamper", "words"), PERFECT.values(), ids=PERFECT)
def test_what_was_made_right_again_everywhere_is_found_from_elsewhere(
    three: Desk, checkpoint: str, tamper: Callable[[Desk], None], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tamper(three)

    assert any(f"the last checkpoint that this machine saw, {words}" in one for one in problems_of(three))
    # Nothing is added to it, so what this machine knows is not lost either.
    for command in (["deploy", "test", "r1"], ["tag", "r1", "v9"]):
        assert "this is not the history that was here before" in three.fails(*command)["message"]
    monkeypatch.setenv("XDG_STATE_HOME", f"{checkpoint} of another machine")
    assert problems_of(three) == []
    said = problems_of(three, "--against", checkpoint)
    assert any(f"the checkpoint given, {words}" in one for one in said)


def test_whoever_has_no_key_leaves_checkpoints_that_tell_where_it_begins(three: Desk) -> None:
    documents = events_of(three)
    documents[5] = documents[5].replace(b'"recorded_at":"20', b'"recorded_at":"19')
    database = SQLiteDatabase(catalog_of(three))
    with database.writing() as session:
        replay_facts(session, documents)
        leaf = leaf_hash(documents[5])
        session.execute("UPDATE events SET document = :new, leaf = :leaf WHERE sequence = 5", new=documents[5], leaf=leaf)
    database.close()

    (said,) = (one for one in problems_of(three) if "checkpoint" in one)
    assert said == "the checkpoint over 6 events is of another history: event 5 is the first that is not what was signed"


def test_yesterdays_file_is_known_for_what_it_is(three: Desk, tmp_path: Path) -> None:
    yesterday = shutil.copy(catalog_of(three), tmp_path / "yesterday.db")
    three.commit("Today.")
    three.tell("deploy", "prod")
    shutil.copy(yesterday, catalog_of(three))

    (said,) = (one for one in problems_of(three) if "cut off" in one)
    assert said.startswith("the last checkpoint that this machine saw, over 10 events, is too long, 8 are there")
    assert three.fails("rollback", "prod")["kind"] == "integrity"
    # On purpose it is possible, and said once.
    three.tell("ledger", "accept")
    assert problems_of(three) == []
    three.tell("rollback", "prod")


def test_a_fork_is_found_from_either_side(three: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(three.root, tmp_path / "fork")
    fork = Desk(tmp_path / "fork")
    for one, words in ((three, "Here."), (fork, "There.")):
        one.commit(words)
        one.tell("deploy", "prod")
        one.tell("ledger", "checkpoint", str(tmp_path / f"{one.root.name}.note"))
        assert problems_of(one) == []

    for one, other in ((three, fork), (fork, three)):
        assert any("is of another history" in what for what in problems_of(one, "--against", str(tmp_path / f"{other.root.name}.note")))
    shutil.copytree(fork.registry, three.registry, dirs_exist_ok=True)
    assert any("the last checkpoint that this machine saw, over 10 events, is of another history" in what for what in problems_of(three))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another machine"))
    assert problems_of(three) == []


def test_a_key_that_was_replaced_signs_nothing(three: Desk) -> None:
    (path,) = (three.registry / "keys").iterdir()
    name = three.ask("ledger", "show")["keys"][0]["verifier_key"].partition("+")[0]
    path.write_bytes(new_signer(name, os.urandom(32)).document())

    error = three.fails("deploy", "staging")
    assert error["kind"] == "integrity"
    assert "holds another key" in error["message"]
    path.unlink()
    assert three.fails("deploy", "staging")["kind"] == "not-found"
    assert len(events_of(three)) == 8
    assert problems_of(three) == []


def test_a_key_that_took_over_without_consent_is_a_problem_until_it_is_trusted(
    three: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = (three.registry / "keys").iterdir()
    path.unlink()
    answer = three.ask("ledger", "key", "--new", "--lost", "--reason", "the laptop was stolen")
    assert problems_of(three) == []
    three.tell("deploy", "staging", "r2")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another machine"))
    (said,) = problems_of(three)
    assert "replaced the signing key" in said
    assert f"lastgood ledger trust {answer['id']}" in said
    three.tell("ledger", "trust", answer["id"])
    assert problems_of(three) == []
    assert "you trust it" in three.tell("verify").err


def test_a_key_that_hands_over_is_no_problem_to_anybody(
    three: Desk, checkpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = three.ask("ledger", "show")["keys"][0]["id"]
    second = three.ask("ledger", "key", "--new", "--reason", "once a year")["id"]
    three.commit("More.")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another machine"))

    assert problems_of(three, "--against", checkpoint) == []
    assert [one["id"] for one in three.ask("ledger", "show")["keys"]] == [first, second]
    assert sorted(path.stem for path in (three.registry / "keys").iterdir()) == sorted([first, second])


def test_a_checkpoint_of_another_registry_says_nothing_here(three: Desk, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    Desk(other).tell("init", "--pipeline", "other")
    Desk(other).tell("ledger", "checkpoint", str(tmp_path / "note"))
    (said,) = problems_of(three, "--against", str(tmp_path / "note"))
    assert said.startswith("the checkpoint given is of lastgood/registry/")
    (tmp_path / "nonsense").write_bytes(base64.b64encode(os.urandom(90)))
    assert "the checkpoint given is not right" in problems_of(three, "--against", str(tmp_path / "nonsense"))[0]
    assert three.fails("verify", "--against", "nowhere")["kind"] == "not-found"


def test_what_a_crash_left_unsigned_is_noted_and_signed_with_the_next_change(three: Desk) -> None:
    with closing(sqlite3.connect(catalog_of(three))) as catalog:
        catalog.execute("DELETE FROM checkpoints WHERE size > 6")
        catalog.commit()
    ran = three.ask("verify")
    assert any("events 6 to 7 are not signed yet" in note or "event 7 is not signed yet" in note for note in ran["notes"])
    three.tell("deploy", "staging", "r2")
    answer = three.ask("ledger", "show")
    assert answer["signed"] == answer["events"]
    assert problems_of(three) == []


def test_a_tail_that_was_changed_is_never_signed(three: Desk, own_machine: Path) -> None:
    shutil.rmtree(own_machine, ignore_errors=True)
    change(three, "DELETE FROM checkpoints WHERE size > 6")
    change(three, "UPDATE events SET document = CAST(replace(CAST(document AS TEXT), 'prod', 'prud') AS BLOB) WHERE sequence = 7")
    error = three.fails("deploy", "staging", "r2")
    assert (error["kind"], error["details"]["outcome"]) == ("unsealed", "stands")
    assert "event 7 is not what its hash says" in error["message"]
    answer = three.ask("ledger", "show")
    assert answer["signed"] < answer["events"]


def test_the_python_api_takes_a_checkpoint_too(three: Desk, checkpoint: str) -> None:
    with lastgood.open(three.root) as registry:
        assert registry.verify(against=Path(checkpoint).read_bytes()).ok
        assert registry.ledger.checkpoint() == Path(checkpoint).read_bytes()
