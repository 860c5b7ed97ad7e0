"""Verifying reads each byte once, tells each damage once, names what is hurt through a base, and `--full` trusts nobody."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from lastgood.ids import PackId
from lastgood.store.backend.local import LocalBackend
from lastgood.store.pack import read_footer
from tests.cli.commands import Desk
from tests.repair.damage import change_catalog, flip, packs_of, rows_of


def test_every_byte_is_read_once(series: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    read = LocalBackend.read
    lengths: list[int] = []

    def counted(self: LocalBackend, name: str, offset: int, length: int) -> bytes:
        lengths.append(length)
        return read(self, name, offset, length)

    monkeypatch.setattr(LocalBackend, "read", counted)
    kept = sum(pack.stat().st_size for pack in packs_of(series))

    answer = series.ask("verify")

    assert kept <= sum(lengths) < kept * 1.3 + 500_000
    # What a person asks about is how many bytes of files are right, however few are kept.
    logical = rows_of(series, "SELECT sum(size) FROM index_files")[0][0]
    assert answer["bytes"] == logical > kept


def test_a_base_is_told_once_with_all_that_stand_on_it(series: Desk) -> None:
    pack = packs_of(series)[0]
    contents = read_footer(LocalBackend(series.registry / "store"), PackId.parse(pack.stem))
    frame = max(contents.frames, key=lambda one: one.length)
    flip(pack, frame.offset + frame.length // 2)

    for options in ([], ["--full"]):
        answer = series.run("verify", *options, "--json").answer
        assert [one["releases"] for one in answer["problems"]] == [["r1", "r2", "r3", "r4"]]
        assert pack.stem[:12] in answer["problems"][0]["what"]


def test_of_one_release_only_what_it_needs_counts(series: Desk) -> None:
    pack = packs_of(series)[0]
    whole = pack.read_bytes()
    contents = read_footer(LocalBackend(series.registry / "store"), PackId.parse(pack.stem))
    for number, frame in enumerate(contents.frames):
        flip(pack, frame.offset + frame.length // 2)
        hurt = series.run("verify", "--json").answer["problems"][0]["releases"]
        assert "r1" in hurt, number
        for label in ("r1", "r2", "r3", "r4"):
            ran = series.run("verify", label, "--json")
            assert ran.code == (7 if label in hurt else 0)
            assert ran.answer["notes"] if label not in hurt else ran.answer["problems"]
        pack.chmod(0o644)
        pack.write_bytes(whole)
    assert series.ask("verify")["ok"] is True


EDITED = {
    "a place": "UPDATE index_frames SET frame_offset = frame_offset + 1 WHERE frame = 1",
    "a length": "UPDATE index_frames SET frame_length = frame_length - 1 WHERE frame = 1",
    "a chunk's start": "UPDATE index_chunks SET chunk_start = chunk_start + 1 WHERE chunk_start > 0",
    "a context": "UPDATE index_deltas SET context = base WHERE context IS NULL",
    "a size": "UPDATE index_files SET size = size + 1",
    "an encoding": "UPDATE index_frames SET encoding = 0 WHERE encoding = 1",
    "a depth": "UPDATE index_deltas SET depth = 1",
}


@pytest.mark.parametrize("statement", EDITED.values(), ids=EDITED.keys())
def test_an_edited_index_is_noticed_although_every_pack_is_right(series: Desk, statement: str) -> None:
    change_catalog(series, statement)
    assert series.run("verify").code == 7
    assert series.run("verify", "--full").code == 7
    assert series.ask("repair")["ok"] is True
    assert series.ask("verify", "--full")["ok"] is True


def test_a_map_whose_parts_changed_places_is_found_by_decoding(series: Desk) -> None:
    """Every chunk is right and is where the index says: only the file's own digest knows in which order they belong."""
    with closing(sqlite3.connect(series.registry / "catalog.db", isolation_level=None)) as catalog:
        digest, chunks = catalog.execute("SELECT digest, chunks FROM index_files WHERE length(chunks) >= 64 LIMIT 1").fetchone()
        catalog.execute("UPDATE index_files SET chunks = ? WHERE digest = ?", (chunks[32:] + chunks[:32], digest))

    ran = series.run("verify", "--full", "--json")

    assert ran.code == 7
    assert digest.hex()[:12] in ran.answer["problems"][0]["what"]
    assert ran.answer["problems"][0]["releases"]


def test_what_is_in_quarantine_is_noted(series: Desk) -> None:
    flip(packs_of(series)[0], -100)
    series.tell("repair")
    assert any("quarantine" in note for note in series.ask("verify")["notes"])
