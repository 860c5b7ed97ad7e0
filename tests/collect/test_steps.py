"""Each step of a collection, and what could go wrong if somebody else came in between."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lastgood.catalog.collection import drop_packs
from lastgood.catalog.rewriting import move_chunks
from lastgood.errors import CollectedMeanwhile
from lastgood.ids import ChunkId, FileDigest, ReleaseId
from lastgood.registry.intake import DeferredIntake
from lastgood.registry.publish import publish
from lastgood.store import codec
from lastgood.store.pack import PackBuilder, pack_name
from lastgood.store.reader import ObjectReader
from tests.collect.desk import NOW, Desk, Writing
from tests.collect.series import noise, text, weights

DAY = timedelta(hours=24)
OLD = {"a.bin": noise(1), "both.bin": noise(2)}
NEW = {"b.bin": noise(3), "both.bin": noise(2)}


def publish_once(desk: Desk, writing: Writing) -> None:
    publish(desk.context, writing.draft, writing.staged, operation=desk.context.operation(None), announce=lambda _release: None)


def drop_first(desk: Desk) -> None:
    """Leave garbage: a release whose bytes may go, below one that stays."""
    desk.dropped.add(desk.commit(OLD))
    desk.commit(NEW)


def test_nothing_is_collected_where_everything_is_needed(desk: Desk) -> None:
    desk.commit(OLD)
    desk.commit(NEW)
    before = desk.packs()
    done = desk.collect()
    assert (done.chunks_condemned, done.packs_deleted, done.bytes_freed, done.notes) == (0, 0, 0, ())
    assert desk.packs() == before
    desk.assert_no_garbage()


def test_what_is_condemned_is_swept_after_its_grace_and_read_until_then(desk: Desk) -> None:
    drop_first(desk)
    first = desk.collect(DAY)
    assert first.files_condemned == 2  # the listing and a.bin
    assert (first.files_swept, first.packs_deleted) == (0, 0)
    assert first.bytes_waiting >= len(OLD["a.bin"])
    desk.clock.advance(seconds=86_399)
    assert desk.collect(DAY).files_swept == 0
    desk.dropped.clear()
    desk.assert_whole()
    desk.dropped.add(min(desk.releases, key=lambda one: desk.releases[one] != OLD))
    desk.clock.advance(seconds=1)
    before = desk.context.index.generation()
    assert desk.collect(DAY).files_swept == 2
    assert desk.context.index.generation() == before + 1
    # Rewritten a moment ago, the old pack may still be read by somebody.
    assert len(desk.packs()) == 3
    desk.clock.advance(seconds=86_400)
    assert desk.collect(DAY).packs_deleted == 1
    desk.assert_whole()
    desk.assert_no_garbage()


def test_what_is_needed_again_is_revived(desk: Desk) -> None:
    drop_first(desk)
    desk.collect(DAY)
    desk.dropped.clear()
    assert desk.collect(DAY).files_revived == 2
    desk.assert_no_garbage()


def test_new_data_does_not_rely_on_what_is_condemned(desk: Desk) -> None:
    drop_first(desk)
    desk.collect(DAY)
    file = FileDigest.of(OLD["a.bin"])
    index = desk.context.index
    assert index.known_files([file]) == set()
    assert index.known_chunks(index.find_files([file])[file].chunks) == set()
    desk.commit({"again.bin": OLD["a.bin"]}, {"again.bin"})
    desk.clock.advance(seconds=86_400)
    desk.collect(DAY)
    desk.assert_whole()


@pytest.mark.parametrize("grace", [NOW, DAY])
def test_a_commit_that_began_before_notices(desk: Desk, grace: timedelta) -> None:
    drop_first(desk)
    late = desk.begin({"late.bin": OLD["a.bin"]}, {"late.bin"})
    desk.collect(grace)
    desk.publish(late)
    desk.clock.advance(seconds=86_400)
    desk.collect(grace)
    desk.assert_whole()


def test_a_commit_that_had_nothing_to_write_notices_as_well(desk: Desk) -> None:
    drop_first(desk)
    late = desk.begin(OLD, set(OLD))
    assert late.staged.packs == ()
    desk.collect()
    with pytest.raises(CollectedMeanwhile):
        publish_once(desk, late)
    desk.publish(late)
    desk.collect()
    desk.assert_whole()


def test_packs_of_a_commit_under_way_can_be_lost_but_not_published_then(desk: Desk) -> None:
    desk.commit(NEW)
    late = desk.begin(OLD)
    assert desk.collect(DAY).packs_waiting == 1
    assert desk.collect().packs_deleted == 1
    with pytest.raises(CollectedMeanwhile):
        publish_once(desk, late)
    desk.publish(late)
    desk.assert_whole()


def test_an_orphan_that_is_published_in_time_stays(desk: Desk) -> None:
    desk.commit(NEW)
    late = desk.begin(OLD)
    desk.collect(DAY)
    desk.publish(late)
    desk.clock.advance(seconds=100_000)
    assert desk.collect(DAY).packs_deleted == 0
    desk.assert_whole()
    desk.assert_no_garbage()


def test_a_deletion_looks_again_inside_its_transaction(desk: Desk) -> None:
    """Even if the list of orphans is old by the time of the deletion."""
    from lastgood.registry.orphans import _delete  # the one door that holds the lock

    desk.commit(NEW)
    late = desk.begin(OLD)
    due = [one.pack for one in late.staged.packs]
    desk.publish(late)
    assert _delete(desk.context, due) == []
    desk.assert_whole()


@pytest.mark.parametrize("operations", range(12))
def test_a_release_published_in_the_middle_is_whole(desk: Desk, operations: int) -> None:
    drop_first(desk)
    late = desk.begin({"late.bin": OLD["a.bin"], "more.bin": noise(9)}, {"late.bin"})
    desk.backend.act_after(operations, lambda: desk.publish(late))
    desk.collect()
    desk.backend.calm_down()
    desk.assert_whole()
    if len(desk.releases) < 3:
        desk.publish(late)
    desk.collect()
    desk.assert_whole()
    desk.assert_no_garbage()


def test_a_release_published_between_the_survey_and_the_lock_keeps_what_it_needs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from lastgood.registry.reachability import Survey, Surveyor  # only here is it come in between

    drop_first(desk)
    late = desk.begin(OLD, set(OLD))
    survey = Surveyor.survey
    calls: list[ReleaseId] = []

    def and_then(self: Surveyor, *times: object) -> Survey:
        found = survey(self, *times)  # type: ignore[arg-type]
        if not calls:
            calls.append(desk.publish(late))
        return found

    monkeypatch.setattr(Surveyor, "survey", and_then)
    desk.collect()
    assert calls
    desk.assert_whole()


def test_bases_and_contexts_of_what_is_kept_stay(desk: Desk) -> None:
    for version in range(4):
        desk.commit({"w.npy": weights(1, version), "t.txt": text(1, version)})
    with desk.context.database.reading() as session:
        assert session.row("SELECT max(depth) FROM index_deltas") == (3,)
        assert session.row("SELECT count(*) FROM index_deltas WHERE context IS NOT NULL") != (0,)
    desk.dropped.update(list(desk.releases)[:-1])
    desk.collect()
    desk.assert_whole()
    desk.assert_verified()
    desk.assert_no_garbage()


def test_a_context_stays_although_no_base_leads_to_it(desk: Desk) -> None:
    """A base may be written anew for itself; what stands on it is still ordered by the root of the old chain."""
    for version in range(3):
        desk.commit({"w.npy": weights(1, version)})
    with desk.context.database.reading() as session:
        bases = {ChunkId(bytes(row[0])) for row in session.rows("SELECT base FROM index_deltas WHERE context IS NOT NULL")}
    builder = PackBuilder()
    for base in bases:
        raw = b"".join(ObjectReader(desk.backend, desk.context.index).read_chunks([base]))
        builder.add_frame(codec.encode(raw), len(raw), [(base, len(raw))])
    contents, pieces = builder.seal()
    desk.backend.put(pack_name(contents.pack), pieces)
    with desk.context.database.writing() as session:
        assert move_chunks(session, [contents]) == bases != set()
    desk.dropped.update(list(desk.releases)[:-1])
    desk.collect()
    desk.assert_whole()
    desk.assert_no_garbage()


def test_what_stays_for_its_grace_keeps_its_bases(desk: Desk) -> None:
    """Even a base that counts as condemned for longer, say by a clock that was behind at the time."""
    for version in range(3):
        desk.commit({"w.npy": weights(1, version)})
    desk.commit(NEW)
    third = list(desk.releases)[2]
    desk.dropped.update(list(desk.releases)[:3])
    desk.collect(DAY)
    with desk.context.database.writing() as session:
        session.execute("UPDATE index_condemned_chunks SET condemned_at = '2026-10-01T00:00:00.000000Z'")
        session.execute(
            "UPDATE index_condemned_files SET condemned_at = '2026-10-01T00:00:00.000000Z' WHERE digest = :digest",
            digest=FileDigest.of(weights(1, 0)),
        )
    assert desk.collect(DAY).files_swept == 1
    desk.dropped.discard(third)
    desk.assert_whole()


def test_an_intake_that_only_asked_remembers_when_it_began(desk: Desk) -> None:
    drop_first(desk)
    with DeferredIntake(desk.context) as intake:
        assert intake.has_files([FileDigest.of(OLD["a.bin"])])
        desk.collect(DAY)
        staged = intake.finish()
    assert staged.generation == 0
    assert desk.context.index.generation() == 1


def test_a_pack_that_is_read_from_is_not_dropped(desk: Desk) -> None:
    desk.commit(OLD)
    with desk.context.database.writing() as session:
        assert drop_packs(session, desk.packs(), desk.clock.now()) == set()
    desk.assert_whole()


def test_a_mostly_dead_pack_is_rewritten_with_maps_and_labels(desk: Desk) -> None:
    kept = {"keep.bin": noise(5, 90_000), "w.npy": weights(2, 0)}
    desk.dropped.add(desk.commit({**kept, **{f"{number}.bin": noise(number, 400_000) for number in range(10, 16)}}))
    desk.commit(kept)
    labels = desk.keys("index_labels", "chunk")
    done = desk.collect()
    assert done.packs_rewritten == 1
    assert done.bytes_freed == done.bytes_deleted - done.bytes_written > 2_000_000
    assert desk.keys("index_labels", "chunk") == labels != set()
    desk.assert_whole()
    desk.assert_no_garbage()


def test_a_small_frame_of_which_little_lives_is_encoded_anew(desk: Desk) -> None:
    many = {f"{number}.txt": f"{number} is the number of this file".encode() for number in range(300)}
    desk.dropped.add(desk.commit(many))
    desk.commit({path: data for path, data in many.items() if path.startswith("7")})
    assert desk.collect().packs_rewritten == 1
    desk.assert_whole()
    desk.assert_no_garbage()


def test_a_plan_says_what_happens(desk: Desk) -> None:
    drop_first(desk)
    desk.begin({"killed.bin": noise(8)})
    for grace in (DAY, NOW):
        told = desk.plan(grace)
        done = desk.collect(grace)
        assert not told.applied
        assert done.applied
        names = ("files_condemned", "chunks_condemned", "files_swept", "chunks_swept", "packs_deleted", "bytes_deleted", "packs_waiting")
        assert [getattr(told, name) for name in names] == [getattr(done, name) for name in names]


def test_a_second_collection_reads_nothing(desk: Desk) -> None:
    drop_first(desk)
    desk.collect()
    desk.collect()
    read: list[str] = []
    desk.backend.act_after(1, lambda: read.append("anything but the listing of packs"))
    desk.collect()
    assert read == []
