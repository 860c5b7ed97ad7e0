"""The part of a backend's conformance suite in which many threads use it at once; `StoreConformance` runs it as well."""

# ruff: noqa: S101 - a suite is made of asserts, and pytest explains them

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from lastgood.errors import LastgoodError
from lastgood.store.backend import Backend

NAME = "packs/ab/one.pack"
EVERY_BYTE = bytes(range(256))
MIB = 1 << 20


class ConcurrencyConformance:
    """Tests of one backend that threads share; each starts with an empty one."""

    @pytest.fixture
    def backend(self) -> Backend:
        """Make an empty backend."""
        raise NotImplementedError

    @pytest.fixture
    def again(self, backend: Backend) -> Backend:
        """Open what `backend` keeps once more, as another process would; one that lives in its process alone is the same."""
        return backend

    def test_readers_see_all_or_nothing(self, backend: Backend) -> None:
        """While a name is put, and put again, every reader finds either nothing or all of it."""
        pieces = [EVERY_BYTE * 256] * 32
        whole = sum(len(piece) for piece in pieces)
        seen: set[int | str] = set()
        with _beside(lambda: seen.add(_length_or_error(backend))):
            for _ in range(6):
                backend.put(NAME, pieces)
        assert seen <= {whole, "not-found"}
        assert backend.size(NAME) == whole

    def test_a_reader_during_a_replacement_sees_the_old_or_the_new(self, backend: Backend, again: Backend) -> None:
        """A copy that went bad is mended in one step: each read gives bytes of one of the two, all of them."""
        bad, good = b"b" * MIB, b"g" * MIB
        backend.put(NAME, [bad])
        seen: set[bytes] = set()
        with _beside(lambda: seen.add(again.read(NAME, 0, MIB))):
            for turn in range(12):
                backend.put(NAME, [good, b""] if turn % 2 else [bad[: MIB // 2], bad[MIB // 2 :]])
        assert seen <= {bad, good}
        assert again.read(NAME, 0, MIB) == good

    def test_a_reader_beside_a_deletion_sees_all_or_nothing(self, backend: Backend, again: Backend) -> None:
        """A name that goes, and comes back, is whole or absent."""
        whole = b"w" * MIB
        seen: set[int | str] = set()
        with _beside(lambda: seen.add(_length_or_error(again))):
            for _ in range(10):
                backend.put(NAME, [whole])
                backend.delete(NAME)
        assert seen <= {MIB, "not-found"}
        assert list(again.names("packs")) == []

    def test_names_that_stay_are_listed_while_others_come_and_go(self, backend: Backend, again: Backend) -> None:
        """A list that is taken meanwhile is in order, names nothing twice, and leaves out nothing that was there throughout."""
        stay = [f"packs/{number:02}/stays" for number in range(0, 20, 2)]
        for name in stay:
            backend.put(name, [b"x"])
        lists: list[list[str]] = []
        with _beside(lambda: lists.append(list(again.names("packs")))):
            for turn in range(40):
                backend.put(f"packs/{turn % 20:02}/comes", [b"x"])
                backend.delete(f"packs/{turn % 20:02}/comes")
        assert lists
        for names in lists:
            assert names == sorted(set(names))
            assert [name for name in names if name.endswith("stays")] == stay

    def test_many_at_once(self, backend: Backend) -> None:
        """Threads that put different names, and one name together, do not disturb one another."""

        def work(number: int) -> None:
            for turn in range(5):
                backend.put(f"packs/{number:02}/{turn}", [bytes([number]) * 5_000, bytes([turn])])
                backend.put(NAME, [b"the same for all"])
                assert backend.read(f"packs/{number:02}/{turn}", 4_999, 2) == bytes([number, turn])

        assert _failures_of(work, threads=8) == []
        assert len(list(backend.names("packs"))) == 8 * 5 + 1
        assert backend.read(NAME, 0, 16) == b"the same for all"

    def test_many_putters_of_one_large_name(self, backend: Backend, again: Backend) -> None:
        """Whoever puts the same bytes under the same name at the same time is told that they are kept, and they are."""
        whole = EVERY_BYTE * (2 * MIB // len(EVERY_BYTE))

        def work(number: int) -> None:
            mine = again if number % 2 else backend
            for _ in range(3):
                mine.put(NAME, [whole[: number * 1_000], whole[number * 1_000 :]])
                assert mine.read(NAME, 0, len(whole)) == whole

        assert _failures_of(work, threads=6) == []
        assert list(backend.names("packs")) == [NAME]
        assert backend.size(NAME) == len(whole)


@contextmanager
def _beside(look: Callable[[], object]) -> Iterator[None]:
    """Look again and again in another thread, for a `with` statement; at least once, and what it raises is raised."""
    is_done = threading.Event()
    failures: list[BaseException] = []

    def watch() -> None:
        try:
            look()
            while not is_done.is_set():
                look()
        except BaseException as error:  # noqa: BLE001  # the main thread judges
            failures.append(error)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        is_done.set()
        watcher.join()
    assert failures == []


def _failures_of(work: Callable[[int], None], *, threads: int) -> list[BaseException]:
    failures: list[BaseException] = []

    def try_it(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001  # the main thread judges
            failures.append(error)

    running = [threading.Thread(target=try_it, args=(number,)) for number in range(threads)]
    for one in running:
        one.start()
    for one in running:
        one.join()
    return failures


def _length_or_error(backend: Backend) -> int | str:
    try:
        size = backend.size(NAME)
        return len(backend.read(NAME, 0, size))
    except LastgoodError as error:
        return error.kind
