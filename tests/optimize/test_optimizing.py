"""Optimizing makes packs smaller and changes nothing else; damage is left alone; a second run finds nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lastgood.catalog.optimizing import PackInUse, packs_in_use
from lastgood.catalog.postgres import PostgresDatabase
from lastgood.ids import ChunkId
from lastgood.model.collection import GRACE
from lastgood.model.placement import ChunkPlace, Encoding, PackContents
from lastgood.registry.optimize import FILE_NAME, optimize
from lastgood.store.index import scan_packs
from lastgood.store.pack import pack_name
from lastgood.store.reader import ObjectReader
from lastgood.testing.index import MemoryIndex
from tests.collect.desk import Desk
from tests.collect.series import noise, text, weights

CHECKPOINTS = {f"step-{version}.npy": weights(1, version) for version in range(4)}


@pytest.fixture(params=["sqlite", "postgres"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """Give a registry, and look at the end whether all of it is whole, and all garbage goes."""
    database = None if request.param == "sqlite" else PostgresDatabase(request.getfixturevalue("postgres_catalog"))
    desk = Desk(tmp_path / "registry", database=database)
    yield desk
    desk.assert_whole()
    desk.collect()
    desk.collect()
    desk.assert_whole()
    desk.assert_no_garbage()
    desk.close()


def places(desk: Desk) -> dict[ChunkId, ChunkPlace]:
    """Return where all chunks are."""
    return dict(desk.context.index.find_chunks([ChunkId(one) for one in desk.keys("index_chunks", "chunk")]))


def depths(desk: Desk) -> list[int]:
    """Return the depths of all deltas."""
    return sorted(one.frame.depth for one in places(desk).values() if one.frame.encoding is Encoding.DELTA)


def stored(desk: Desk) -> int:
    """Return how many bytes are in the store."""
    return sum(desk.backend.size(pack_name(pack)) for pack in desk.packs())


class TestGain:
    """What becomes smaller."""

    def test_checkpoints_of_one_commit_become_deltas(self, desk: Desk) -> None:
        desk.commit(CHECKPOINTS)
        assert depths(desk) == []
        before = stored(desk)
        told = optimize(desk.context, dry_run=True)
        assert (depths(desk), stored(desk), (desk.folder / FILE_NAME).exists()) == ([], before, False)
        done = optimize(desk.context)
        assert done == told
        assert (done.packs, done.bytes_before, done.left_alone) == (1, before, ())
        assert done.chunks >= 3
        assert depths(desk) == [1, 2, 3]
        assert done.bytes_after < before * 0.8
        desk.assert_whole()
        desk.collect()
        assert stored(desk) == done.bytes_after

    def test_as_good_as_if_they_had_been_committed_one_by_one(self, desk: Desk, tmp_path: Path) -> None:
        desk.commit(CHECKPOINTS)
        after = optimize(desk.context).bytes_after
        other = Desk(tmp_path / "other")
        for name, data in CHECKPOINTS.items():
            other.commit({"model.npy": data, "name": name.encode()})
        assert after <= stored(other)
        other.close()

    def test_writers_who_did_not_know_of_each_other(self, desk: Desk) -> None:
        writings = [desk.begin({name: data}) for name, data in CHECKPOINTS.items()]
        for writing in writings:
            desk.publish(writing)
        assert depths(desk) == []
        assert optimize(desk.context).packs == 3
        assert depths(desk) == [1, 2, 3]

    def test_text_is_compressed_harder(self, desk: Desk) -> None:
        desk.commit({"long.txt": text(1, 0), "short.txt": text(2, 0)[:30_000]})
        sizes = [optimize(desk.context, level=level).bytes_after for level in (6, 19)]
        assert sizes[1] < sizes[0] < stored(desk)
        assert optimize(desk.context, level=6).chunks == 0

    def test_what_cannot_become_smaller_is_left(self, desk: Desk) -> None:
        desk.commit({"noise.bin": noise(1, 400_000), "weights.npy": weights(1, 0)})
        packs = desk.packs()
        assert optimize(desk.context).packs == 0
        assert desk.packs() == packs

    def test_the_depth_of_what_others_stand_on_does_not_rise(self, desk: Desk) -> None:
        first, second = desk.begin({"a.npy": weights(1, 0)}), desk.begin({"b.npy": weights(1, 1)})
        desk.publish(first)
        desk.publish(second)
        # This one stands on the newest of its label, at depth 1: so that may not become a delta itself.
        desk.commit({"c.npy": weights(1, 2)})
        (top,) = [one for one in places(desk).values() if one.frame.encoding is Encoding.DELTA]
        optimize(desk.context)
        assert depths(desk)[0] == 1
        assert top.frame.base is not None
        assert places(desk)[top.frame.base].frame.depth == 0

    def test_labels_go_along(self, desk: Desk) -> None:
        desk.commit(CHECKPOINTS)
        labels = desk.keys("index_labels", "chunk")
        optimize(desk.context)
        assert desk.keys("index_labels", "chunk") == labels
        desk.commit({"next.npy": weights(1, 4)})
        assert len(depths(desk)) == 4

    def test_what_was_condemned_is_nothing_to_stand_on(self, desk: Desk) -> None:
        old, new = desk.begin({"a.npy": weights(1, 0)}), desk.begin({"b.npy": weights(1, 1)})
        desk.dropped.add(desk.publish(old))
        desk.publish(new)
        desk.collect(GRACE)
        assert desk.keys("index_condemned_chunks", "chunk")
        assert depths(desk) == []
        optimize(desk.context)
        assert depths(desk) == []


class TestAgain:
    """A second run finds nothing, and does nothing for it."""

    def test_nothing_is_read_twice(self, desk: Desk) -> None:
        desk.commit(CHECKPOINTS | {"long.txt": text(1, 0), "noise.bin": noise(1, 200_000)})
        optimize(desk.context)
        desk.backend.act_after(0, lambda: pytest.fail("it read a pack that it had looked at"))
        done = optimize(desk.context)
        desk.backend.calm_down()
        assert (done.chunks, done.packs, done.bytes_saved) == (0, 0, 0)

    @pytest.mark.parametrize("left", [b"", b"[]", b'{"schema":"lastgood.optimized/1"}', b'{"schema":"x","packs":{}}', b"\xff{", None])
    def test_its_memory_may_be_lost(self, desk: Desk, left: bytes | None) -> None:
        desk.commit(CHECKPOINTS | {"long.txt": text(1, 0)})
        optimize(desk.context)
        remembered = json.loads((desk.folder / FILE_NAME).read_bytes())["packs"]
        assert set(remembered) == {str(pack.pack) for pack in in_use(desk)}
        (desk.folder / FILE_NAME).unlink() if left is None else (desk.folder / FILE_NAME).write_bytes(left)
        packs = desk.packs()
        done = optimize(desk.context)
        assert (done.chunks, done.packs) == (0, 0)
        assert desk.packs() == packs
        assert json.loads((desk.folder / FILE_NAME).read_bytes())["packs"] == remembered

    def test_only_what_is_new_is_looked_at(self, desk: Desk) -> None:
        desk.commit(CHECKPOINTS)
        optimize(desk.context)
        writings = [desk.begin({"a.npy": weights(1, 9)}), desk.begin({"b.npy": weights(2, 0), "c.npy": weights(2, 1)})]
        for writing in writings:
            desk.publish(writing)
        done = optimize(desk.context)
        assert (done.chunks >= 1, done.packs) == (True, 1)


class TestDamage:
    """Damage is neither copied nor built upon."""

    @pytest.mark.parametrize("how", ["missing", "flipped", "footer"])
    def test_a_damaged_pack_is_left_alone_and_the_others_are_not(self, tmp_path: Path, how: str) -> None:
        desk = Desk(tmp_path / "registry")
        writings = [
            desk.begin({"a.npy": weights(1, 0), "b.npy": weights(1, 1)}),
            desk.begin({"c.npy": weights(2, 0), "d.npy": weights(2, 1)}),
        ]
        for writing in writings:
            desk.publish(writing)
        (bad,) = writings[0].staged.packs
        hurt(desk, bad, how)
        done = optimize(desk.context)
        assert [bad.pack.short in reason for reason in done.left_alone] == [True]
        assert (done.chunks >= 1, done.packs) == (True, 1)
        assert {one.pack for one in places(desk).values() if one.pack in desk.packs()} >= ({bad.pack} if how != "missing" else set())
        assert ObjectReader(desk.backend, desk.context.index).read_file(next(iter(writings[1].staged.packs[-1].files))) is not None
        desk.close()

    def test_the_packs_alone_give_everything_back_before_and_after_the_collection(self, desk: Desk) -> None:
        desk.commit(CHECKPOINTS)
        optimize(desk.context)
        assert len(desk.packs()) == 2
        for _ in range(2):
            rebuilt = MemoryIndex()
            rebuilt.absorb_packs(pack for pack in scan_packs(desk.backend) if isinstance(pack, PackContents))
            for digest in rebuilt.files:
                assert ObjectReader(desk.backend, rebuilt).read_file(digest) is not None
            assert len(rebuilt.files) == len(desk.keys("index_files", "digest"))
            desk.collect()
        assert len(desk.packs()) == 1


class TestRaces:
    """What others do meanwhile wins, or does no harm."""

    @pytest.mark.parametrize("after", range(8))
    @pytest.mark.parametrize("what", ["commit", "optimize", "collect"])
    def test_others_come_between(self, desk: Desk, what: str, after: int) -> None:
        desk.commit(CHECKPOINTS | {"long.txt": text(1, 0)})
        actions: dict[str, Callable[[], object]] = {
            "commit": lambda: desk.commit(CHECKPOINTS | {"next.npy": weights(1, 4)}),
            "optimize": lambda: optimize(desk.context, level=19),
            "collect": desk.collect,
        }
        desk.backend.act_after(after, actions[what])
        optimize(desk.context)
        desk.backend.calm_down()
        desk.assert_whole()
        optimize(desk.context)
        # Whoever was first: in the end all but one, and what was committed meanwhile, are deltas.
        assert len(depths(desk)) >= 3

    def test_somebody_builds_on_what_is_about_to_move(self, desk: Desk) -> None:
        """The commit's delta is at depth 1, on the chunk that optimizing makes one of depth 3: so that must not happen."""
        desk.commit(CHECKPOINTS)
        put = desk.backend.put
        newest = max(places(desk).values(), key=lambda one: (one.frame.offset, one.length) if one.length > 1 << 20 else (0, 0))

        def commit_first(name: str, pieces: object) -> None:
            desk.backend.put = put  # type: ignore[method-assign]
            desk.commit({"next.npy": weights(1, 4)})
            put(name, pieces)  # type: ignore[arg-type]

        desk.backend.put = commit_first  # type: ignore[method-assign]
        done = optimize(desk.context)
        assert newest.chunk in places(desk)
        assert (done.packs, len(done.left_alone)) == (0, 1)
        assert depths(desk) == [1]
        desk.assert_whole()
        again = optimize(desk.context)
        assert (again.packs, again.left_alone) == (1, ())
        assert len(depths(desk)) >= 3


def in_use(desk: Desk) -> list[PackInUse]:
    """Return the packs from which something is read."""
    with desk.context.database.reading() as session:
        return list(packs_in_use(session))


def hurt(desk: Desk, pack: PackContents, how: str) -> None:
    """Damage a pack."""
    name = pack_name(pack.pack)
    data = bytearray(desk.backend.read(name, 0, pack.size))
    if how == "missing":
        desk.backend.delete(name)
        return
    frame = max(pack.frames, key=lambda one: one.length)
    data[-100 if how == "footer" else frame.offset + frame.length // 2] ^= 0x55
    desk.backend.put(name, [bytes(data)])
