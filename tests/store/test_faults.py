"""The backend that goes wrong does so as it is told, and the store over it never serves a wrong byte."""

from __future__ import annotations

import io
import random
from collections.abc import Callable

import pytest

from lastgood.errors import Integrity, InvalidName, LastgoodError, StorageFull, Unavailable
from lastgood.ids import FileDigest
from lastgood.store.backend.memory import MemoryBackend
from lastgood.store.objects import ObjectReader, StoreWriter
from lastgood.store.pack import FOLDER, verify_pack
from lastgood.testing.faults import (
    READ_ERRORS,
    WRITE_ERRORS,
    Delay,
    Fail,
    Fault,
    FaultyBackend,
    Lie,
    Operation,
    Plan,
    Reorder,
    Tear,
    Verb,
    at,
    at_random,
)
from lastgood.testing.index import MemoryIndex
from tests.store.keeping import LINES, NOISE, assert_all_there

NAME = "packs/a"


@pytest.fixture
def kept() -> MemoryBackend:
    return MemoryBackend()


class TestFaults:
    """Each fault, at the operation that was chosen and at no other."""

    @pytest.mark.parametrize("is_done", [False, True])
    def test_failing(self, kept: MemoryBackend, is_done: bool) -> None:
        backend = FaultyBackend(kept, at({0: Fail(StorageFull, is_done=is_done), 1: Fail(is_done=is_done)}))
        with pytest.raises(StorageFull, match="put packs/a"):
            backend.put(NAME, [b"abc"])
        assert list(kept.names("packs")) == [NAME] * is_done
        kept.put(NAME, [b"abc"])
        with pytest.raises(Unavailable, match="delete packs/a"):
            backend.delete(NAME)
        assert list(kept.names("packs")) == [NAME] * (not is_done)

    @pytest.mark.parametrize("error", READ_ERRORS)
    @pytest.mark.parametrize("ask", [lambda it: it.read(NAME, 0, 3), lambda it: it.size(NAME), lambda it: list(it.names("packs"))])
    def test_failing_to_answer(self, kept: MemoryBackend, error: type[LastgoodError], ask: Callable[[FaultyBackend], object]) -> None:
        kept.put(NAME, [b"abc"])
        backend = FaultyBackend(kept, at({0: Fail(error)}))
        with pytest.raises(error):
            ask(backend)
        ask(backend)

    def test_tearing(self, kept: MemoryBackend) -> None:
        backend = FaultyBackend(kept, at(dict.fromkeys(range(1, 5), Tear(0.5))))
        backend.put(NAME, [b"0123456789"])
        assert (backend.read(NAME, 0, 10), backend.size(NAME), list(backend.names("packs"))) == (b"01234", 5, [])
        backend.put(NAME, [b"01", b"234567"])
        assert kept.read(NAME, 0, kept.size(NAME)) == b"0123"

    def test_lying(self, kept: MemoryBackend) -> None:
        kept.put(NAME, [b"abc"])
        kept.put("packs/b", [b""])
        backend = FaultyBackend(kept, lambda _: Lie())
        backend.put("packs/c", [b"x"])
        backend.delete(NAME)
        assert list(kept.names("packs")) == [NAME, "packs/b"]
        assert (backend.read(NAME, 0, 3), backend.size(NAME), list(backend.names("packs"))) == (b"abb", 4, ["packs/b"])
        assert backend.read("packs/b", 0, 0) == b""

    def test_reordering(self, kept: MemoryBackend) -> None:
        backend = FaultyBackend(kept, at({0: Reorder(after=2), 1: Reorder(after=4)}))
        backend.put("packs/a", [b"a"])
        backend.put("packs/b", [b"b"])
        assert list(backend.names("packs")) == []
        assert list(backend.names("packs")) == ["packs/a"]
        backend.put("packs/c", [b"c"])
        assert list(backend.names("packs")) == ["packs/a", "packs/c"]
        assert list(backend.names("packs")) == ["packs/a", "packs/b", "packs/c"]

    def test_settling_and_forgetting(self, kept: MemoryBackend) -> None:
        order: list[str] = []

        class Noting(MemoryBackend):
            def put(self, name: str, pieces: object) -> None:
                order.append(name)

        names = [f"packs/{number}" for number in range(10)]
        for seed in (1, 2):
            backend = FaultyBackend(Noting(), lambda _: Reorder(100), chance=random.Random(seed))
            for name in names:
                backend.put(name, [b"x"])
            backend.settle()
        assert (sorted(order[:10]), sorted(order[10:])) == (names, names)
        assert order[:10] != order[10:]

        backend = FaultyBackend(kept, lambda _: Reorder(100))
        backend.put(NAME, [b"x"])
        backend.cut_power()
        backend.settle()
        assert list(kept.names("packs")) == []

    def test_delaying(self, kept: MemoryBackend) -> None:
        slept: list[float] = []
        backend = FaultyBackend(kept, at({0: Delay(1.5)}), sleep=slept.append)
        backend.put(NAME, [b"abc"])
        backend.put(NAME, [b"abc"])
        assert slept == [1.5]

    def test_what_was_asked_is_noted(self, kept: MemoryBackend) -> None:
        backend = FaultyBackend(kept, lambda _: Fail())
        for action in (lambda: backend.put(NAME, []), lambda: backend.read(NAME, 0, 0), lambda: list(backend.names("packs"))):
            with pytest.raises(Unavailable):
                action()
        with pytest.raises(InvalidName):
            backend.delete("../x")
        assert backend.operations == [Operation(0, Verb.PUT, NAME), Operation(1, Verb.READ, NAME), Operation(2, Verb.NAMES, "packs")]

    def test_a_seed_makes_a_plan(self) -> None:
        operations = [Operation(number, verb, NAME) for number in range(200) for verb in Verb]
        plans = [[plan(one) for one in operations] for plan in (at_random(random.Random(seed), 0.2) for seed in (1, 1, 2))]
        assert plans[0] == plans[1] != plans[2]
        assert 120 < sum(fault is not None for fault in plans[0]) < 280
        drawn = [(one.verb.writes, fault.error) for one, fault in zip(operations, plans[0], strict=True) if isinstance(fault, Fail)]
        assert {error for writes, error in drawn if writes} == set(WRITE_ERRORS)
        assert {error for writes, error in drawn if not writes} == set(READ_ERRORS)


FILES = [b"", b"small", LINES[:400_000], NOISE[:700_000], NOISE[500_000:1_200_000]]
FAULTS: list[Fault] = [
    *(Fail(error) for error in dict.fromkeys((*WRITE_ERRORS, *READ_ERRORS))),
    Fail(is_done=True),
    Tear(0.5),
    Tear(0.999),
    Reorder(2),
    Delay(0),
    Lie(),
]


def keep_all(backend: FaultyBackend, index: MemoryIndex) -> None:
    with StoreWriter(backend, index, pack_bytes=300_000) as writer:
        for data in FILES:
            writer.receive(io.BytesIO(data), len(data))
        staged = writer.finish()
    index.absorb(staged)


def read_or_error(reader: ObjectReader, data: bytes) -> str:
    """Return `right` or the kind of the error; wrong bytes are neither."""
    got = b""
    try:
        for piece in reader.stream_file(FileDigest.of(data)):
            got += piece
            assert data.startswith(got)
    except LastgoodError as error:
        return error.kind
    assert got == data
    return "right"


def operations_of(work: Callable[[FaultyBackend, MemoryIndex], object], kept: MemoryBackend, index: MemoryIndex) -> int:
    backend = FaultyBackend(kept)
    work(backend, index)
    return len(backend.operations)


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_a_commit_over_each_fault_is_whole_or_an_error(fault: Fault) -> None:
    """What was acknowledged is right, unless the storage lied about it; then it is an error, never other bytes."""
    count = operations_of(keep_all, MemoryBackend(), MemoryIndex())
    for number in range(count):
        kept, index = MemoryBackend(), MemoryIndex()
        try:
            keep_all(FaultyBackend(kept, at({number: fault}), sleep=lambda _: None), index)
        except LastgoodError:
            assert isinstance(fault, Fail)
            assert index.files == {}
            keep_all(FaultyBackend(kept), index)
            assert_all_there(ObjectReader(kept, index), FILES)
            continue
        said = {read_or_error(ObjectReader(kept, index), data) for data in FILES}
        lied = isinstance(fault, Lie | Tear) or (isinstance(fault, Reorder) and number + fault.after + 1 >= count)
        assert said == {"right"} or (lied and said - {"right"} <= {"integrity"})
        damaged = [pack for pack in index_packs(index) if not is_whole(kept, pack)]
        # A footer is not needed to read, and is missed all the same.
        assert bool(damaged) == lied


def index_packs(index: MemoryIndex) -> set[object]:
    return {place.pack for place in index.places.values()}


def is_whole(kept: MemoryBackend, pack: object) -> bool:
    try:
        verify_pack(kept, pack)  # type: ignore[arg-type]  # a PackId
    except Integrity:
        return False
    return True


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_reading_over_each_fault_serves_no_wrong_byte(fault: Fault) -> None:
    kept, index = MemoryBackend(), MemoryIndex()
    keep_all(FaultyBackend(kept), index)

    def read_all(backend: FaultyBackend, index: MemoryIndex) -> set[str]:
        return {read_or_error(ObjectReader(backend, index), data) for data in FILES}

    for number in range(operations_of(read_all, kept, index)):
        backend = FaultyBackend(kept, at({number: fault}), sleep=lambda _: None)
        said = read_all(backend, index)
        assert backend.operations[number].verb is Verb.READ
        if isinstance(fault, Reorder | Delay):
            assert said == {"right"}
        elif fault != Fail(Integrity):
            # What looks damaged is read once more, for those whose bytes may be right all the same.
            assert len(said) == 2, (number, said)


@pytest.mark.parametrize("seed", range(20))
def test_a_storm_of_faults(seed: int) -> None:
    """Try until it works; it then is whole, and all that is left over are packs that nothing refers to."""
    kept, index = MemoryBackend(), MemoryIndex()
    chance = random.Random(seed)
    plan: Plan = at_random(chance, 0.15)
    for _ in range(60):
        try:
            keep_all(FaultyBackend(kept, plan, sleep=lambda _: None), index)
            break
        except LastgoodError:
            assert index.files == {}
    else:
        pytest.fail("it never worked")
    assert_all_there(ObjectReader(kept, index), FILES)
    assert all(is_whole(kept, pack) for pack in index_packs(index))
    assert len(list(kept.names(FOLDER))) >= len(index_packs(index))
