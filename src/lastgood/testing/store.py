"""What every backend of the store must do, as tests that anyone can run on their own.

A backend's author subclasses `StoreConformance`, gives it a fixture that makes an empty backend, and runs pytest:

    class TestMyBackend(StoreConformance):
        @pytest.fixture
        def backend(self, tmp_path):
            return MyBackend(tmp_path)

The rules that are tested are those of `lastgood.store.backend`.
"""

# ruff: noqa: S101 - a suite is made of asserts, and pytest explains them

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import overload

import pytest

from lastgood.errors import Integrity, InvalidName, LastgoodError, NotFound
from lastgood.store.backend import Backend, Piece

NAME = "packs/ab/one.pack"
EVERY_BYTE = bytes(range(256))
MIB = 1 << 20

ODD_NAMES = {
    "nothing": "",
    "absolute": "/etc/passwd",
    "parent": "packs/../../outside",
    "only-parent": "..",
    "here": "packs/./one",
    "empty-part": "packs//one",
    "trailing-slash": "packs/one/",
    "hidden": "packs/.one",
    "backslash": "packs\\one",
    "nul": "packs/one\0",
    "newline": "packs/one\n",
    "space": "packs/o ne",
    "not-ascii": "packs/ön",
    "colon": "C:packs",
    "part-too-long": "packs/" + "a" * 129,
    "too-long": "/".join(["a" * 100] * 6),
    "the-backends-own": "incoming/one",
}


class StoreConformance:
    """Tests of one backend; each starts with an empty one."""

    @pytest.fixture
    def backend(self) -> Backend:
        """Make an empty backend."""
        raise NotImplementedError

    def test_what_was_put_is_read_back(self, backend: Backend) -> None:
        """Bytes come back as they went in, from any place."""
        backend.put(NAME, [EVERY_BYTE])
        assert backend.size(NAME) == len(EVERY_BYTE)
        assert backend.read(NAME, 0, len(EVERY_BYTE)) == EVERY_BYTE
        assert backend.read(NAME, 100, 28) == EVERY_BYTE[100:128]
        assert backend.read(NAME, 255, 1) == b"\xff"
        assert backend.read(NAME, 256, 0) == b""

    def test_pieces_are_kept_one_after_the_other(self, backend: Backend) -> None:
        """Pieces may be of any length and of either kind."""
        backend.put(NAME, [b"", b"ab", memoryview(b"xcdx")[1:3], b"", *([b"e"] * 3_000)])
        assert backend.read(NAME, 0, backend.size(NAME)) == b"abcd" + b"e" * 3_000

    def test_nothing_can_be_put(self, backend: Backend) -> None:
        """Zero bytes are kept like any others."""
        backend.put(NAME, [])
        assert backend.size(NAME) == 0
        assert list(backend.names("packs")) == [NAME]

    def test_large(self, backend: Backend) -> None:
        """A pack's worth of bytes comes back from the middle and from the end."""
        piece = EVERY_BYTE * (MIB // len(EVERY_BYTE))
        backend.put(NAME, [piece] * 24 + [b"the end"])
        assert backend.size(NAME) == 24 * MIB + 7
        assert backend.read(NAME, 12 * MIB + 3, 2 * MIB) == (piece * 3)[3 : 2 * MIB + 3]
        assert backend.read(NAME, 24 * MIB, 7) == b"the end"

    @pytest.mark.parametrize(("offset", "length"), [(0, 257), (256, 1), (300, 1), (-1, 1), (0, -1), (0, 1 << 40)])
    def test_a_short_read_is_an_error(self, backend: Backend, offset: int, length: int) -> None:
        """A read gives all the bytes or none, and allocates nothing for what is not there."""
        backend.put(NAME, [EVERY_BYTE])
        with pytest.raises(Integrity):
            backend.read(NAME, offset, length)

    def test_what_is_absent_is_not_found(self, backend: Backend) -> None:
        """An absent name is told from an empty one, beside others and in no folder at all."""
        backend.put(NAME, [b"x"])
        for name in ("packs/ab/two.pack", "packs/cd/one.pack", "elsewhere/one.pack"):
            with pytest.raises(NotFound):
                backend.read(name, 0, 0)
            with pytest.raises(NotFound):
                backend.size(name)

    def test_putting_again_replaces(self, backend: Backend) -> None:
        """The same name may be put again; what is there afterwards is what was put last."""
        backend.put(NAME, [b"gone bad"])
        backend.put(NAME, [b"good"])
        assert backend.read(NAME, 0, backend.size(NAME)) == b"good"
        assert list(backend.names("packs")) == [NAME]

    def test_names_are_listed_in_order(self, backend: Backend) -> None:
        """A folder's names come in the order of their characters, those of its folders among them, and no others."""
        names = ["packs/a-b", "packs/a.b", "packs/a/b", "packs/a/c/d", "packs/ab", "packs/b"]
        for name in [*reversed(names), "packs2/a", "other/packs/a", "z"]:
            backend.put(name, [b"x"])
        assert list(backend.names("packs")) == names
        assert list(backend.names("packs/a")) == ["packs/a/b", "packs/a/c/d"]

    def test_an_absent_folder_has_no_names(self, backend: Backend) -> None:
        """Listing before anything was put is no error."""
        assert list(backend.names("packs")) == []
        backend.put("other/one", [b"x"])
        assert list(backend.names("packs/ab")) == []

    def test_what_is_deleted_is_gone(self, backend: Backend) -> None:
        """Deleting takes one name away, twice is once, and the name can be put again."""
        backend.put(NAME, [b"x"])
        backend.put("packs/ab/two.pack", [b"y"])
        backend.delete(NAME)
        backend.delete(NAME)
        backend.delete("elsewhere/one.pack")
        assert list(backend.names("packs")) == ["packs/ab/two.pack"]
        with pytest.raises(NotFound):
            backend.size(NAME)
        backend.put(NAME, [b"again"])
        assert backend.read(NAME, 0, 5) == b"again"

    @pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES.keys())
    def test_odd_names_are_refused(self, backend: Backend, name: str) -> None:
        """A name that could mean something to the storage is refused by every operation, and nothing is kept."""
        operations: list[Callable[[], object]] = [
            lambda: backend.put(name, [b"x"]),
            lambda: backend.read(name, 0, 0),
            lambda: backend.size(name),
            lambda: backend.delete(name),
            lambda: list(backend.names(name)),
        ]
        for operation in operations:
            with pytest.raises(InvalidName):
                operation()
        assert list(backend.names("packs")) == []

    def test_long_names_are_kept(self, backend: Backend) -> None:
        """The longest name that is allowed works."""
        name = "/".join(["a" * 127] * 4)
        backend.put(name, [b"x"])
        assert list(backend.names("a" * 127)) == [name]

    def test_a_put_that_fails_keeps_nothing(self, backend: Backend) -> None:
        """When the pieces stop coming half-way, there is nothing, and what was there stays."""
        with pytest.raises(_PiecesEndedError):
            backend.put(NAME, _BreakingPieces())
        assert list(backend.names("packs")) == []
        backend.put(NAME, [b"whole"])
        with pytest.raises(_PiecesEndedError):
            backend.put(NAME, _BreakingPieces())
        assert backend.read(NAME, 0, backend.size(NAME)) == b"whole"

    def test_readers_see_all_or_nothing(self, backend: Backend) -> None:
        """While a name is put, and put again, every reader finds either nothing or all of it."""
        pieces = [EVERY_BYTE * 256] * 32
        whole = sum(len(piece) for piece in pieces)
        seen: set[int | str] = set()
        is_done = threading.Event()

        def watch() -> None:
            while not is_done.is_set():
                seen.add(_size_or_error(backend))

        watcher = threading.Thread(target=watch)
        watcher.start()
        for _ in range(6):
            backend.put(NAME, pieces)
        is_done.set()
        watcher.join()
        assert seen <= {whole, "not-found"}
        assert backend.size(NAME) == whole

    def test_many_at_once(self, backend: Backend) -> None:
        """Threads that put different names, and one name together, do not disturb one another."""
        failures: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for turn in range(5):
                    backend.put(f"packs/{number:02}/{turn}", [bytes([number]) * 5_000, bytes([turn])])
                    backend.put(NAME, [b"the same for all"])
                    assert backend.read(f"packs/{number:02}/{turn}", 4_999, 2) == bytes([number, turn])
            except BaseException as error:  # noqa: BLE001  # the main thread judges
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(list(backend.names("packs"))) == 8 * 5 + 1
        assert backend.read(NAME, 0, 16) == b"the same for all"


class _PiecesEndedError(Exception):
    """The pieces of a put stopped coming."""


class _BreakingPieces(Sequence[Piece]):
    """Gives some pieces and then breaks, as memory or a source may."""

    def __len__(self) -> int:
        return 3

    @overload
    def __getitem__(self, at: int) -> Piece: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Piece]: ...
    def __getitem__(self, at: int | slice) -> Piece | Sequence[Piece]:
        if at == 0:
            return b"some" * 10_000
        raise _PiecesEndedError

    def __iter__(self) -> Iterator[Piece]:
        yield b"some" * 10_000
        raise _PiecesEndedError


def _size_or_error(backend: Backend) -> int | str:
    try:
        size = backend.size(NAME)
        return len(backend.read(NAME, 0, size))
    except LastgoodError as error:
        return error.kind
