"""The results of evaluations are needed as the files of releases are: collecting keeps them, and what is lost of them is told."""

from __future__ import annotations

import pytest

from lastgood.catalog import releases
from lastgood.catalog.evaluations import result_files
from lastgood.errors import CollectedMeanwhile, Integrity
from lastgood.ids import ComponentName, ContentDigest, FileDigest, ReleaseId
from lastgood.model.component import EvalContent
from lastgood.model.evaluation import Evaluation
from lastgood.registry import evaluations as evaluations_module
from lastgood.registry.embedded import EmbeddedFiles
from lastgood.registry.evaluations import Evaluations, Suite
from lastgood.registry.intake import DeferredIntake
from lastgood.registry.loss import hurt_releases
from lastgood.registry.publish import add_packs
from lastgood.registry.verify import verify
from lastgood.store.pack import pack_name
from tests.collect.desk import Desk
from tests.collect.series import noise

LINES = b"".join(b'{"case": "c%d", "score": 0.5}\n' % number for number in range(300))
OLD, NEW = {"a.bin": noise(1)}, {"a.bin": noise(2)}


def evaluations_of(desk: Desk) -> Evaluations:
    return Evaluations(desk.context, EmbeddedFiles(desk.context))


def record(desk: Desk, release: ReleaseId, lines: bytes = LINES) -> Evaluation:
    with desk.context.database.reading() as session:
        found = releases.require_release(session, release)
    content = EvalContent(FileDigest.of(b""), "true", None)
    return evaluations_of(desk).record(lines, Suite(found, found, ComponentName("q"), ContentDigest.of(b"q"), None, content), {})


def test_collecting_keeps_the_results_of_releases_that_stay(desk: Desk) -> None:
    done = record(desk, desk.commit(OLD))
    desk.commit(NEW)

    assert desk.collect().files_condemned == 0
    assert desk.collect().files_swept == 0
    assert evaluations_of(desk).results(done).metrics == {"score": 0.5}
    assert verify(desk.context).ok


def test_results_of_a_release_that_may_go_go_with_it_unless_another_has_the_same(desk: Desk) -> None:
    first = desk.commit(OLD)
    one, other = record(desk, first), record(desk, first, LINES + b'{"case": "last", "score": 0}')
    record(desk, desk.commit(NEW))
    desk.dropped.add(first)

    desk.collect()

    assert evaluations_of(desk).results(one).metrics == {"score": 0.5}
    with pytest.raises(Integrity, match="cannot be read"):
        evaluations_of(desk).results(other)


def test_results_that_were_collected_can_be_recorded_again(desk: Desk) -> None:
    first, second = desk.commit(OLD), desk.commit(NEW)
    record(desk, first)
    desk.dropped.add(first)
    desk.collect()

    assert evaluations_of(desk).results(record(desk, second)).metrics == {"score": 0.5}
    assert not [one for one in verify(desk.context).problems if one.releases == ("r2",)]


def test_what_is_collected_while_results_are_recorded_is_kept_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are known when it is asked whether they are kept, and gone when the transaction begins."""
    first, second = desk.commit(OLD), desk.commit(NEW)
    record(desk, first)
    desk.dropped.add(first)
    calls = []

    def collects_first(*arguments: object) -> None:
        calls.append(arguments)
        add_packs(*arguments)  # type: ignore[arg-type]

    original = DeferredIntake.finish

    def finish(intake: DeferredIntake) -> object:
        if not calls:
            desk.collect()
        return original(intake)

    monkeypatch.setattr(evaluations_module, "add_packs", collects_first)
    monkeypatch.setattr(DeferredIntake, "finish", finish)

    done = record(desk, second)

    assert len(calls) == 2, "the first try has lost its bytes"
    assert evaluations_of(desk).results(done).metrics == {"score": 0.5}


def test_a_collector_that_is_always_quicker_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    release = desk.commit(OLD)

    def gone(*_: object) -> None:
        raise CollectedMeanwhile("gone")

    monkeypatch.setattr(evaluations_module, "add_packs", gone)
    with pytest.raises(CollectedMeanwhile):
        record(desk, release)
    with desk.context.database.reading() as session:
        assert result_files(session) == {}


def test_results_that_are_lost_are_named_with_the_release(desk: Desk) -> None:
    release = desk.commit(OLD)
    before = desk.packs()
    record(desk, release)
    (pack,) = desk.packs() - before
    desk.backend.delete(pack_name(pack))

    problems = verify(desk.context).problems
    assert [one.releases for one in problems if one.releases] == [("r1",)]
    with desk.context.database.writing() as session:
        session.execute("DELETE FROM index_files WHERE digest = :digest", digest=FileDigest.of(LINES))
    assert [(one.label, one.files) for one in hurt_releases(desk.context)] == [("r1", ("the results of an evaluation",))]
