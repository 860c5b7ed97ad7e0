"""A held release is never collected, whatever was dropped."""

from __future__ import annotations

from datetime import timedelta

from lastgood.catalog.holds import held_releases
from lastgood.ids import ReleaseId
from lastgood.registry.judgements import EmbeddedHolds
from tests.collect.desk import Desk
from tests.collect.series import noise


def held(desk: Desk) -> frozenset[ReleaseId]:
    with desk.context.database.reading() as session:
        return held_releases(session)


def test_what_is_held_stays_until_the_hold_is_lifted(desk: Desk) -> None:
    first = desk.commit({"a.bin": noise(1)})
    desk.commit({"b.bin": noise(2)})
    holds = EmbeddedHolds(desk.context)
    holds.hold("bot/r1", "the auditors")
    assert held(desk) == {first}
    desk.dropped.add(first)

    assert desk.plan().files_condemned == 0
    done = desk.collect()
    assert (done.files_condemned, done.files_swept, done.packs_deleted) == (0, 0, 0)
    desk.dropped.clear()
    desk.assert_whole()

    holds.lift("bot/r1")
    assert held(desk) == frozenset()
    desk.dropped.add(first)
    desk.collect()
    desk.collect()
    desk.assert_whole()
    desk.assert_no_garbage()


def test_a_hold_that_comes_while_it_is_condemned_revives_it(desk: Desk) -> None:
    first = desk.commit({"a.bin": noise(1)})
    desk.commit({"b.bin": noise(2)})
    desk.dropped.add(first)
    day = timedelta(hours=24)
    assert desk.collect(day).files_condemned > 0
    EmbeddedHolds(desk.context).hold("bot/r1")
    desk.clock.advance(seconds=90_000)
    done = desk.collect(day)
    assert (done.files_swept, done.packs_deleted) == (0, 0)
    assert done.files_revived > 0
    desk.dropped.clear()
    desk.assert_whole()
