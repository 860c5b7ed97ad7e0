"""The index is made anew from the packs alone, whatever became of it."""

# ruff: noqa: S608 - statements of a test, made of its own words

from __future__ import annotations

import pytest
from blake3 import blake3

from tests.cli.commands import Desk
from tests.repair.damage import CHECKPOINTS, change_catalog, index_of, packs_of, rows_of
from tests.store.test_hostile_packs import HONEST, forge

TABLES = ["packs", "frames", "chunks", "deltas", "labels", "files", "condemned_chunks", "condemned_files", "orphans", "collections"]


def is_whole(desk: Desk) -> None:
    """See that everything can be verified, decoded, checked out, and added to."""
    assert desk.ask("verify", "--full")["ok"] is True
    for number in range(1, CHECKPOINTS + 1):
        desk.tell("checkout", f"r{number}", f"out{number}")
    for path in ("models/router.safetensors", "prompts/policy.md"):
        assert (desk.root / f"out{CHECKPOINTS}" / path).read_bytes() == (desk.root / path).read_bytes()
    assert desk.commit("Cite something else.")["number"] == CHECKPOINTS + 1
    assert desk.ask("verify")["ok"] is True


def test_a_series_has_what_a_repair_has_to_know(series: Desk) -> None:
    # Without deltas on deltas, patches and labels these tests would show little.
    assert {row[0] for row in rows_of(series, "SELECT DISTINCT encoding FROM index_frames")} >= {1, 2, 3, 4}
    assert rows_of(series, "SELECT max(depth) FROM index_deltas")[0][0] >= 2
    assert rows_of(series, "SELECT count(*) FROM index_labels")[0][0] >= 2


def test_a_whole_index_is_made_again_as_it_was(series: Desk) -> None:
    before = index_of(series)

    answer = series.ask("repair")

    assert (answer["ok"], answer["quarantined"], answer["hurt"], answer["notes"]) == (True, [], [], [])
    assert (answer["packs"], answer["chunks"], answer["files"]) == tuple(len(before[name]) for name in ("packs", "chunks", "files"))
    assert index_of(series) == before
    is_whole(series)


DAMAGES = {
    "every table emptied": [f"DELETE FROM index_{name}" for name in TABLES],
    "every table dropped": [f"DROP TABLE index_{name}" for name in TABLES],
    "places moved": ["UPDATE index_frames SET frame_offset = frame_offset + 1"],
    "an encoding nobody knows": ["UPDATE index_frames SET encoding = 77"],
    "depths": ["UPDATE index_deltas SET depth = 9"],
    "a circle": ["UPDATE index_deltas SET base = chunk, context = NULL"],
    "bases forgotten": ["DELETE FROM index_deltas"],
    "packs renamed": ["UPDATE index_packs SET pack = randomblob(32)"],
    "packs that are text": ["UPDATE index_packs SET pack = 'a' || pack_number"],
    "files that are others": ["UPDATE index_files SET size = size + 1"],
    "a column gone": ["ALTER TABLE index_files DROP COLUMN size"],
    "a generation that is text": ["DELETE FROM index_collections", "INSERT INTO index_collections VALUES (3, 'then', 'condemn')"],
}


@pytest.mark.parametrize("statements", DAMAGES.values(), ids=DAMAGES.keys())
def test_whatever_became_of_the_index(series: Desk, statements: list[str]) -> None:
    before = index_of(series)
    change_catalog(series, *statements)

    assert series.ask("repair")["ok"] is True

    assert index_of(series) == before
    is_whole(series)


def test_pages_of_the_index_that_are_garbage(series: Desk) -> None:
    before = index_of(series)
    size = rows_of(series, "PRAGMA page_size")[0][0]
    pages = [row[0] for row in rows_of(series, "SELECT rootpage FROM sqlite_schema WHERE tbl_name GLOB 'index_*' AND rootpage > 0")]
    with (series.registry / "catalog.db").open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * size)
            file.write(b"\xa5" * size)
    assert series.run("verify").code == 7

    assert series.ask("repair")["ok"] is True

    assert index_of(series) == before
    assert rows_of(series, "PRAGMA integrity_check") == [("ok",)]
    is_whole(series)


def test_a_dry_run_changes_nothing(series: Desk) -> None:
    change_catalog(series, "DELETE FROM index_files")
    before = (series.registry / "catalog.db").read_bytes(), index_of(series)

    answer = series.ask("repair", "--dry-run")

    assert (answer["dry_run"], answer["ok"]) == (True, True)
    assert answer["files"] > 0
    assert ((series.registry / "catalog.db").read_bytes(), index_of(series)) == before


def test_what_was_condemned_counts_as_kept_again(series: Desk) -> None:
    change_catalog(
        series,
        "INSERT INTO index_collections VALUES (7, '2026-01-01T00:00:00.000000Z', 'condemn')",
        "INSERT INTO index_condemned_chunks SELECT chunk, '2026-01-01T00:00:00.000000Z' FROM index_chunks",
        "INSERT INTO index_condemned_files SELECT digest, '2026-01-01T00:00:00.000000Z' FROM index_files",
    )

    series.tell("repair")

    assert rows_of(series, "SELECT generation, step FROM index_collections") == [(8, "repair")]
    assert not rows_of(series, "SELECT * FROM index_condemned_chunks UNION ALL SELECT * FROM index_condemned_files")
    is_whole(series)


def test_packs_of_interrupted_commits_come_to_use(series: Desk) -> None:
    before = index_of(series)
    change_catalog(series, *(f"DELETE FROM index_{name}" for name in TABLES))
    assert "no release needs" in series.run("verify", "--json").answer["notes"][0]

    series.tell("repair")

    assert index_of(series) == before


def test_a_map_of_chunks_that_are_nowhere_is_left_out(series: Desk) -> None:
    first, *_ = packs_of(series)
    first.unlink()

    ran = series.run("repair", "--json")

    assert ran.code == 7
    known = {row[0] for row in rows_of(series, "SELECT chunk FROM index_chunks")}
    for (chunks,) in rows_of(series, "SELECT chunks FROM index_files"):
        assert all(chunks[at : at + 32] in known for at in range(0, len(chunks), 32))
    for base, context in rows_of(series, "SELECT base, context FROM index_deltas"):
        assert {base, context or base} <= known


def test_a_catalog_without_records_points_to_a_backup(series: Desk) -> None:
    catalog = series.registry / "catalog.db"
    whole = catalog.read_bytes()
    for content in (b"garbage", whole[:4_096] + b"\xa5" * (len(whole) - 4_096)):
        catalog.write_bytes(content)

        error = series.fails("repair")

        assert error["kind"] == "integrity"
        assert "lastgood import backup" in error["hint"]
        assert catalog.read_bytes() == content


def test_a_pack_of_a_newer_version_stops_it(series: Desk) -> None:
    data = forge(HONEST, version=9)
    name = blake3(data).hexdigest()
    place = series.registry / f"store/packs/{name[:2]}/{name}.pack"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(data)
    before = index_of(series)

    assert series.fails("repair")["kind"] == "newer-schema"

    assert index_of(series) == before
    assert place.exists()
