"""Registries that time, disks or people have damaged: what is wrong is named, what is right is served, nothing else is."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lastgood.catalog.creation import CURRENT
from tests.cli.commands import Desk
from tests.hostile.watching import picture


def packs_of(desk: Desk) -> list[Path]:
    """Return the packs of a registry, the oldest first: one a release."""
    return sorted((desk.registry / "store/packs").rglob("*.pack"), key=lambda path: path.stat().st_mtime_ns)


def cut_in_half(pack: Path) -> None:
    pack.write_bytes(pack.read_bytes()[: pack.stat().st_size // 2])


def cut_at_its_end(pack: Path) -> None:
    pack.write_bytes(pack.read_bytes()[:-1])


def empty(pack: Path) -> None:
    pack.write_bytes(b"")


def lose(pack: Path) -> None:
    pack.unlink()


def become_a_folder(pack: Path) -> None:
    pack.unlink()
    pack.mkdir()


def become_a_link(pack: Path) -> None:
    # The same bytes even; but where a link leads is nobody's promise.
    pack.rename(pack.with_suffix(".elsewhere"))
    pack.symlink_to(pack.with_suffix(".elsewhere"))


def become_a_fifo(pack: Path) -> None:
    pack.unlink()
    os.mkfifo(pack)


def become_another(pack: Path) -> None:
    size = pack.stat().st_size
    pack.write_bytes(os.urandom(size))


@pytest.mark.parametrize(
    "damage", [cut_in_half, cut_at_its_end, empty, lose, become_a_folder, become_a_link, become_a_fifo, become_another]
)
def test_a_pack_that_is_not_what_it_was_hurts_those_it_hurts(three: Desk, damage: object) -> None:
    # r2 differs in one prompt, whose new text is in the second pack.
    damage(packs_of(three)[1])  # type: ignore[operator]  # one of those above
    around = three.root.parent
    before = picture(around)

    verified = three.run("verify", "--json")
    assert (verified.code, verified.answer["ok"]) == (7, False)
    assert {label for one in verified.answer["problems"] for label in one["releases"]} == {"r2"}

    for command in (["rollback", "prod"], ["deploy", "prod", "r2"], ["deploy", "staging", "r2"]):
        assert three.fails(*command)["kind"] == "integrity"
    if damage not in {cut_in_half, cut_at_its_end}:
        # Of one that was cut the bytes may still be there, and are then served when they prove right.
        assert three.fails("checkout", "r2", "new/out")["kind"] == "integrity"
    assert picture(around) == before

    # Everything else goes on.
    assert three.number_in("prod") == 3
    assert three.ask("verify", "r1")["ok"] is True
    assert three.ask("checkout", "r1", "out")["files"] == 4
    assert three.ask("rollback", "prod", "--to", "r1")["to_number"] == 1
    assert three.commit("Cite all.")["number"] == 4
    assert three.ask("checkout", "latest", "out4")["files"] == 4


def test_every_single_bit_counts(three: Desk) -> None:
    pack = packs_of(three)[1]
    whole = pack.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 40)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        pack.write_bytes(damaged)

        assert three.run("verify").code == 7, place
        ran = three.run("checkout", "r2", f"out{place}", "--json")
        if ran.code == 0:
            # The bit was not one of those that r2's files are made of.
            assert (three.root / f"out{place}/prompts/system.md").read_text() == "Cite the policy, warmly.\n"
        else:
            assert (ran.code, ran.answer["error"]["kind"]) == (7, "integrity")
            assert not (three.root / f"out{place}").exists()
    assert not [path for path in three.root.iterdir() if path.name.startswith(".out")]
    pack.write_bytes(whole)
    assert three.ask("verify")["ok"] is True


def test_a_pack_that_nobody_knows_is_noted_and_harms_nothing(desk: Desk) -> None:
    known = packs_of(desk)[0]
    shutil.copy(known, known.with_name("f" * 64 + ".pack"))

    verified = desk.ask("verify")

    assert verified["ok"] is True
    assert "no release needs" in verified["notes"][0]


def catalog_of(desk: Desk) -> Path:
    return desk.registry / "catalog.db"


def change_catalog(desk: Desk, *statements: str) -> None:
    with closing(sqlite3.connect(catalog_of(desk), isolation_level=None)) as catalog:
        for statement in statements:
            assert catalog.execute(statement).rowcount != 0


READING = [["log"], ["show", "r1"], ["status"], ["env", "list"], ["verify"], ["checkout", "r1", "out"]]
WRITING = [["commit"], ["deploy", "prod"], ["rollback", "prod"], ["tag", "r1", "v1"], ["mark", "bad", "r1", "--why", "x"]]


@pytest.mark.parametrize(
    "content", [b"garbage", b"", os.urandom(65_536), b"SQLite format 3\0" + bytes(4_080)], ids=["text", "nothing", "noise", "zeros"]
)
def test_a_catalog_that_is_garbage_is_named_and_left_alone(desk: Desk, content: bytes) -> None:
    catalog_of(desk).write_bytes(content)
    desk.write("prompts/system.md", "Cite nothing.\n")

    for command in (*READING, *WRITING):
        error = desk.fails(*command)
        assert error["kind"] == "integrity", command
        assert "catalog.db" in error["message"]
    assert desk.fails("init")["kind"] == "already-exists"

    assert catalog_of(desk).read_bytes() == content
    assert not (desk.root / "out").exists()


def test_a_page_of_the_catalog_that_is_garbage_is_an_error_of_ours(three: Desk) -> None:
    whole = catalog_of(three).read_bytes()
    for page in range(len(whole) // 4_096):
        damaged = bytearray(whole)
        damaged[page * 4_096 : (page + 1) * 4_096] = b"\xa5" * 4_096
        catalog_of(three).write_bytes(damaged)
        for command in (["log"], ["show", "r2"], ["rollback", "prod"], ["verify"]):
            ran = three.run(*command)
            assert ran.code in {0, 3, 6, 7, 8}, (page, command, ran)
        catalog_of(three).write_bytes(whole)
        for journal in three.registry.glob("catalog.db-*"):
            journal.unlink()
    # A rollback that succeeded was put back with its page, and that is noticed.
    assert "was cut off" in three.run("verify").out
    three.tell("ledger", "accept")
    assert three.ask("verify")["ok"] is True


def test_a_catalog_that_is_another_programs_is_named(desk: Desk) -> None:
    catalog_of(desk).unlink()
    with closing(sqlite3.connect(catalog_of(desk))) as other:
        other.execute("CREATE TABLE mine (x)")
        other.commit()

    for command in (*READING, *WRITING):
        assert desk.fails(*command)["kind"] == "integrity"


@pytest.mark.parametrize("version", [f"{int(CURRENT) + 1:04}", "9999"])
def test_a_catalog_of_a_newer_version_asks_for_an_upgrade(desk: Desk, version: str) -> None:
    change_catalog(desk, f"UPDATE alembic_version SET version_num = '{version}'")  # noqa: S608 - ours
    before = catalog_of(desk).read_bytes()

    for command in (*READING, *WRITING):
        error = desk.fails(*command)
        assert (error["kind"], error["hint"]) == ("newer-schema", "upgrade lastgood")
    assert catalog_of(desk).read_bytes() == before


def test_an_event_of_a_newer_version_asks_for_an_upgrade(desk: Desk) -> None:
    with closing(sqlite3.connect(catalog_of(desk))) as catalog:
        sequence, document = catalog.execute("SELECT sequence, document FROM events ORDER BY sequence DESC LIMIT 1").fetchone()
        event = json.loads(document)
        event["schema"] = event["schema"].rpartition("/")[0] + "/2"
        newer = json.dumps(event, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
        catalog.execute("UPDATE events SET document = ? WHERE sequence = ?", (newer, sequence))
        catalog.commit()

    for command in (["show", "r1"], ["log"], ["deploy", "prod"], ["commit"]):
        error = desk.fails(*command)
        assert (error["kind"], error["hint"]) == ("newer-schema", "upgrade lastgood")


REWRITE = """
UPDATE events SET document = CAST(replace(CAST(document AS TEXT), {}) AS BLOB)
WHERE sequence = (SELECT {}(sequence) FROM events WHERE CAST(document AS TEXT) LIKE '%support-bot%')
"""
CHANGES = {
    "an event's bytes": REWRITE.format("'support-bot', 'support-bat'", "min"),
    "an event's bytes later": REWRITE.format("'prod', 'prud'", "max"),
    "a leaf": "UPDATE events SET leaf = zeroblob(32) WHERE sequence = 1",
    "an event that is gone": "DELETE FROM events WHERE sequence = 2",
    "a text": "UPDATE texts SET text = 'I never said that' WHERE text = 'first'",
    "a text that is gone": "DELETE FROM texts WHERE text = 'first'",
    "a salt": "UPDATE texts SET salt = zeroblob(32) WHERE text = 'first'",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_history_that_was_rewritten_is_noticed(three: Desk, change: str) -> None:
    change_catalog(three, change)

    ran = three.run("verify", "--json")

    assert (ran.code, ran.answer["ok"]) == (7, False)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE index_frames SET frame_offset = frame_offset + 1",
        "UPDATE index_frames SET frame_length = frame_length - 1",
        "UPDATE index_frames SET frame_length = 1 << 40",
        "UPDATE index_frames SET raw_length = raw_length + 1",
        "UPDATE index_frames SET raw_length = 1 << 40",
        "UPDATE index_frames SET frame_offset = -5",
        "UPDATE index_frames SET encoding = 77",
        "UPDATE index_chunks SET chunk_start = chunk_start + 1",
        "UPDATE index_chunks SET chunk_length = 1 << 30",
        "UPDATE index_chunks SET frame = 9999",
        "UPDATE index_packs SET pack = zeroblob(32)",
        "UPDATE index_files SET size = size + 1",
        "DELETE FROM index_files",
        "DELETE FROM index_chunks",
    ],
)
def test_an_index_that_leads_elsewhere_serves_no_wrong_bytes(desk: Desk, change: str) -> None:
    change_catalog(desk, change)

    assert desk.fails("checkout", "r1", "out")["kind"] == "integrity"
    assert desk.run("verify").code == 7
    assert not (desk.root / "out").exists()


@pytest.mark.parametrize("place", ["store", "store/packs"])
def test_a_store_that_is_gone_is_named(three: Desk, place: str) -> None:
    shutil.rmtree(three.registry / place)

    assert three.fails("checkout", "r1", "out")["kind"] == "integrity"
    assert three.run("verify").code == 7
    assert three.fails("rollback", "prod")["kind"] == "integrity"
    assert len(three.ask("log")["items"]) == 3
    assert three.number_in("prod") == 3


def test_a_registry_without_its_catalog_is_none(desk: Desk) -> None:
    catalog_of(desk).unlink()

    assert desk.fails("log")["kind"] == "not-found"
    assert desk.fails("--registry", str(desk.root), "log")["kind"] == "not-found"
