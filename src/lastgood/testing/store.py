"""What every backend of the store must do, as tests that anyone can run on their own.

A backend's author subclasses `StoreConformance`, gives it a fixture that makes an empty backend, and runs pytest:

    class TestMyBackend(StoreConformance):
        @pytest.fixture
        def backend(self, tmp_path):
            return MyBackend(tmp_path)

Fixtures are asked for by name: `again`, which opens the same storage once more, is worth giving as well. A backend in a
local folder passes `lastgood.testing.durability` too. The rules that are tested are those of `lastgood.store.backend`.
"""

# ruff: noqa: S101 - a suite is made of asserts, and pytest explains them

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import overload

import pytest

from lastgood.errors import Integrity, InvalidName, NotFound
from lastgood.store.backend import Backend, Piece
from lastgood.testing.concurrency import EVERY_BYTE, MIB, NAME, ConcurrencyConformance

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


class BytesConformance(ConcurrencyConformance):
    """What was put is read back, and nothing else; each test starts with an empty backend."""

    @pytest.fixture
    def backend(self) -> Backend:
        """Make an empty backend."""
        raise NotImplementedError

    @pytest.fixture
    def again(self, backend: Backend) -> Backend:
        """Open what `backend` keeps once more, as another process would; one that lives in its process alone is the same."""
        return backend

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

    def test_a_piece_may_be_seen_as_other_items(self, backend: Backend) -> None:
        """A view of numbers counts by its bytes, and one of a whole pack is not copied item by item."""
        numbers = memoryview(EVERY_BYTE * (4 * MIB // len(EVERY_BYTE))).cast("I")
        backend.put(NAME, [numbers, b"the end"])
        assert backend.size(NAME) == 4 * MIB + 7
        assert backend.read(NAME, 4 * MIB - 1, 8) == b"\xffthe end"

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

    def test_one_large_piece(self, backend: Backend) -> None:
        """A pack's worth of bytes in one piece is kept as well as in many."""
        piece = EVERY_BYTE * (40 * MIB // len(EVERY_BYTE))
        backend.put(NAME, [memoryview(piece)])
        assert backend.size(NAME) == 40 * MIB
        assert backend.read(NAME, 40 * MIB - 300, 300) == piece[-300:]

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


class StoreConformance(BytesConformance):
    """Tests of one backend; each starts with an empty one."""

    def test_putting_again_replaces(self, backend: Backend) -> None:
        """The same name may be put again; what is there afterwards is what was put last."""
        backend.put(NAME, [b"gone bad"])
        backend.put(NAME, [b"good"])
        assert backend.read(NAME, 0, backend.size(NAME)) == b"good"
        assert list(backend.names("packs")) == [NAME]

    def test_others_see_what_was_acknowledged(self, backend: Backend, again: Backend) -> None:
        """What was put, replaced or deleted is so for whoever opens the storage, at once."""
        backend.put(NAME, [b"first"])
        assert again.read(NAME, 0, 5) == b"first"
        again.put("packs/ab/two.pack", [b"second"])
        assert list(backend.names("packs")) == [NAME, "packs/ab/two.pack"]
        backend.put(NAME, [b"mended"])
        assert again.read(NAME, 0, again.size(NAME)) == b"mended"
        again.delete(NAME)
        with pytest.raises(NotFound):
            backend.read(NAME, 0, 1)
        backend.put(NAME, [b"back"])
        assert list(again.names("packs")) == [NAME, "packs/ab/two.pack"]

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
