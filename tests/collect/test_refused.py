"""Where something does not add up nothing is collected."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lastgood.errors import ClockWentBack, Integrity, Invalid, Refused, Unavailable
from lastgood.ids import FileDigest
from lastgood.registry.collect import collect
from lastgood.registry.seen import FILE_NAME
from lastgood.store.pack import pack_name
from tests.collect.desk import NOW, BusyBackend, Desk, in_a_file
from tests.collect.series import noise

DAY = timedelta(hours=24)


@pytest.fixture
def two(desk: Desk) -> Desk:
    """A registry with a release that may go, and packs of a killed commit."""
    desk.dropped.add(desk.commit({"a.bin": noise(1)}))
    desk.commit({"b.bin": noise(2)})
    desk.begin({"c.bin": noise(3)})
    return desk


def assert_untouched(desk: Desk, packs: int = 3) -> None:
    assert len(desk.packs()) == packs
    assert desk.keys("index_condemned_chunks", "chunk") == set()
    assert desk.keys("index_orphans", "pack") == set()


def test_a_clock_that_went_back(two: Desk) -> None:
    two.clock.advance(seconds=-600)
    with pytest.raises(ClockWentBack):
        two.collect()
    assert_untouched(two)


def test_a_clock_that_went_back_behind_the_last_collection(two: Desk) -> None:
    two.clock.advance(seconds=9_000)
    two.collect(DAY)
    two.clock.advance(seconds=-8_000)
    with pytest.raises(ClockWentBack):
        two.collect()


def test_an_accepted_clock_lets_the_grace_begin_anew(two: Desk) -> None:
    two.clock.advance(seconds=86_400 * 365)
    two.collect(DAY)
    two.clock.advance(seconds=-86_400 * 365)
    two.context = replace(two.context, accept_clock=True)
    assert two.collect(DAY).chunks_swept == 0
    two.context = replace(two.context, accept_clock=False)
    two.clock.advance(seconds=86_400)
    assert two.collect(DAY).chunks_swept > 0


def test_a_listing_of_packs_that_fails(two: Desk) -> None:
    class Failing(BusyBackend):
        def names(self, folder: str) -> Iterator[str]:
            raise Unavailable(f"{folder} does not answer")

    failing = Failing()
    with pytest.raises(Unavailable):
        collect(replace(two.context, backend=failing), NOW)
    assert_untouched(two)


def test_a_listing_of_packs_that_is_not_complete(two: Desk) -> None:
    lost = next(one for one in two.backend.names("packs") if bytes.fromhex(one[-69:-5]) in two.keys("index_packs", "pack"))
    two.backend.delete(lost)
    with pytest.raises(Integrity, match="not among the packs"):
        two.collect()
    assert_untouched(two, packs=2)


def test_a_name_that_no_pack_has_is_left_alone(two: Desk) -> None:
    two.backend.put("packs/README", [b"somebody's"])
    two.collect()
    assert two.backend.read("packs/README", 0, 10) == b"somebody's"


def test_a_release_whose_listing_is_missing(two: Desk) -> None:
    latest = two.latest()
    assert latest is not None
    listing = latest.components[next(iter(latest.components))].content.listing
    with two.context.database.writing() as session:
        session.execute("DELETE FROM index_files WHERE digest = :digest", digest=listing)
    with pytest.raises(Integrity, match=r"what release .* needs is not known"):
        two.collect()
    assert_untouched(two)


def test_a_file_that_is_not_in_the_index(two: Desk) -> None:
    with two.context.database.writing() as session:
        session.execute("DELETE FROM index_files WHERE digest = :digest", digest=FileDigest.of(noise(2)))
    with pytest.raises(Integrity, match="the index lacks 1 files"):
        two.collect()
    assert_untouched(two)


def test_a_chunk_that_is_not_in_the_index(two: Desk) -> None:
    with two.context.database.writing() as session:
        row = session.row("SELECT chunks FROM index_files WHERE digest = :digest", digest=FileDigest.of(noise(2)))
        assert row is not None
        session.execute("DELETE FROM index_chunks WHERE chunk = :chunk", chunk=bytes(row[0])[:32])
    with pytest.raises(Integrity, match="the index lacks 1 chunks"):
        two.collect()
    assert_untouched(two)


@in_a_file
def test_a_history_older_than_the_one_seen(desk: Desk, tmp_path: Path) -> None:
    """An old copy of the catalog was put back: the packs of what it lost are not taken for orphans."""
    desk.commit({"a.bin": noise(1)})
    shutil.copy(desk.folder / "catalog.db", tmp_path / "copy")
    desk.commit({"b.bin": noise(2)})
    desk.collect()
    desk.close()
    shutil.copy(tmp_path / "copy", desk.folder / "catalog.db")
    with pytest.raises(Integrity, match="is older than"):
        reopened(desk).collect()
    assert len(desk.packs()) == 2


@in_a_file
def test_another_history_than_the_one_seen(desk: Desk, tmp_path: Path) -> None:
    desk.commit({"a.bin": noise(1)})
    shutil.copy(desk.folder / "catalog.db", tmp_path / "copy")
    desk.commit({"b.bin": noise(2)})
    desk.collect()
    desk.close()
    shutil.copy(tmp_path / "copy", desk.folder / "catalog.db")
    again = reopened(desk)
    again.commit({"c.bin": noise(3)})
    with pytest.raises(Integrity, match="is another than"):
        again.collect()
    (desk.folder / FILE_NAME).unlink()
    again.collect()


def test_a_damaged_memory_of_what_was_seen(two: Desk) -> None:
    (two.folder / FILE_NAME).write_bytes(b"{}")
    with pytest.raises(Integrity, match="damaged"):
        two.collect()
    assert_untouched(two)


def test_the_latest_release_cannot_be_dropped(two: Desk) -> None:
    latest = two.latest()
    assert latest is not None
    two.dropped.add(latest.release)
    with pytest.raises(Refused):
        two.collect()
    assert_untouched(two)


def test_a_negative_grace(two: Desk) -> None:
    with pytest.raises(Invalid):
        two.collect(timedelta(seconds=-1))
    assert_untouched(two)


def test_a_damaged_chunk_keeps_its_pack_from_being_rewritten(desk: Desk) -> None:
    kept = noise(4, 100_000)
    desk.dropped.add(desk.commit({"a.bin": noise(1, 800_000), "b.bin": kept}))
    desk.commit({"b.bin": kept})
    (place,) = desk.context.index.find_chunks(
        list(desk.context.index.find_files([FileDigest.of(kept)])[FileDigest.of(kept)].chunks)[:1]
    ).values()
    name = pack_name(place.pack)
    data = bytearray(desk.backend.read(name, 0, desk.backend.size(name)))
    data[place.frame.offset + 7] ^= 1
    desk.backend.put(name, [bytes(data)])
    done = desk.collect()
    assert done.packs_rewritten == 0
    assert "left alone" in done.notes[0]
    assert place.pack in desk.packs()


def reopened(desk: Desk) -> Desk:
    return Desk(desk.folder, seed="again", clock=desk.clock, backend=desk.backend)
