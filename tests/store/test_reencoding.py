"""Packs that are written anew: what is held goes along whole, and nothing comes to stand on itself."""

from __future__ import annotations

import numpy as np

from lastgood.ids import FileDigest
from lastgood.model.placement import FileMap, PackContents
from lastgood.store import codec
from lastgood.store.backend.memory import MemoryBackend
from lastgood.store.chunking import chunk_id
from lastgood.store.codec import Base, Written
from lastgood.store.numbers import Numbers
from lastgood.store.pack import PackBuilder, pack_name, read_footer
from lastgood.store.reader import ObjectReader
from lastgood.store.reencoding import Held, Reencoder
from lastgood.testing.index import MemoryIndex
from tests.store.keeping import LINES

RNG = np.random.default_rng(3)
FLOATS = Numbers(4, 23)
FIRST = RNG.normal(0, 0.02, 50_000).astype("<f4")
SECOND = (FIRST + RNG.normal(0, 2e-6, FIRST.size)).astype("<f4")
ONE, TWO = FIRST.tobytes(), SECOND.tobytes()
LABEL = 7


class Shelf:
    """A backend and an index, with a pack put together by hand."""

    def __init__(self) -> None:
        self.backend, self.index = MemoryBackend(), MemoryIndex()

    def put(self, *frames: tuple[Written, list[bytes]]) -> PackContents:
        """Keep a pack of frames with their chunks, all chunks of a frame of their own labelled, and each a file."""
        builder = PackBuilder()
        for written, chunks in frames:
            builder.add_frame(written, sum(map(len, chunks)), [(chunk_id(one), len(one)) for one in chunks])
            if len(chunks) == 1:
                builder.add_label(chunk_id(chunks[0]), LABEL)
            for one in chunks:
                builder.add_file(FileDigest.of(one), FileMap(len(one), (chunk_id(one),)))
        contents, pieces = builder.seal()
        self.backend.put(pack_name(contents.pack), pieces)
        self.index.absorb_packs([contents])
        return contents

    def held(self, *chunks: bytes, alike: tuple[bytes, ...] = (), deepest: int = 6) -> list[Held]:
        """Hold chunks where the index has them."""
        ids = tuple(map(chunk_id, alike))
        return [Held(self.index.places[chunk_id(one)], LABEL if ids else None, ids, deepest) for one in chunks]

    def reencoder(self) -> Reencoder:
        """Return what writes packs anew."""
        return Reencoder(self.backend, self.index, level=9)


def planes(raw: bytes) -> tuple[Written, list[bytes]]:
    """Write a chunk as planes."""
    return codec.encode_numbers(raw, FLOATS), [raw]


def quiet(length: int) -> None:
    """Hear of progress."""
    assert length > 0


def test_a_chunk_becomes_a_delta_with_its_label_and_its_file() -> None:
    shelf = Shelf()
    shelf.put(planes(ONE))
    old = shelf.put(planes(TWO))
    reencoder = shelf.reencoder()
    assert reencoder.take(old, shelf.held(TWO, alike=(ONE,)), quiet)
    new = reencoder.seal()
    assert new is not None
    assert (new.old, new.improved) == ((old.pack,), 1)
    assert new.contents.size < old.size * 0.8
    shelf.backend.put(pack_name(new.contents.pack), new.pieces)
    assert read_footer(shelf.backend, new.contents.pack) == new.contents
    assert (new.contents.labels, new.contents.files) == (old.labels, old.files)
    shelf.backend.delete(pack_name(old.pack))
    shelf.index.places.pop(chunk_id(TWO))
    shelf.index.absorb_packs([new.contents])
    assert ObjectReader(shelf.backend, shelf.index).read_file(FileDigest.of(TWO)) == TWO


def test_nothing_comes_to_stand_on_itself() -> None:
    """What stands on it is too deep to be its base, and the next one down that chain is the chunk itself."""
    shelf = Shelf()
    old = shelf.put(planes(ONE))
    written = codec.encode_delta(TWO, Base(chunk_id(ONE), ONE, 1), FLOATS)
    assert written is not None
    assert written.depth == 2
    shelf.put((written, [TWO]))
    assert not shelf.reencoder().take(old, shelf.held(ONE, alike=(TWO,), deepest=1), quiet)


def test_what_stands_on_a_chunk_bounds_its_depth() -> None:
    shelf = Shelf()
    shelf.put(planes(ONE))
    old = shelf.put(planes(TWO))
    assert not shelf.reencoder().take(old, shelf.held(TWO, alike=(ONE,), deepest=0), quiet)
    assert shelf.reencoder().take(old, shelf.held(TWO, alike=(ONE,), deepest=1), quiet)


def test_a_damaged_relative_is_not_stood_upon() -> None:
    shelf = Shelf()
    bad = shelf.put(planes(ONE))
    old = shelf.put(planes(TWO))
    shelf.backend.delete(pack_name(bad.pack))
    assert not shelf.reencoder().take(old, shelf.held(TWO, alike=(ONE,)), quiet)


def test_a_group_of_which_some_are_held_is_made_anew() -> None:
    shelf = Shelf()
    parts = [LINES[start : start + 6_000] for start in range(0, 60_000, 6_000)]
    old = shelf.put((codec.encode(b"".join(parts)), parts))
    reencoder = shelf.reencoder()
    assert reencoder.take(old, shelf.held(*parts[2:5]), quiet)
    new = reencoder.seal()
    assert new is not None
    assert [one.chunk for one in new.contents.chunks] == [chunk_id(one) for one in parts[2:5]]


def test_a_chunk_that_was_moved_into_the_next_pack_is_taken_once() -> None:
    shelf = Shelf()
    shelf.put(planes(ONE))
    second = shelf.put(planes(TWO))
    reencoder = shelf.reencoder()
    assert reencoder.take(second, shelf.held(TWO, alike=(ONE,)), quiet)
    text = LINES[:50_000]
    more = shelf.put((codec.encode(text), [text]), planes(TWO))
    del shelf.index.places[chunk_id(TWO)]
    shelf.index.absorb_packs([more])
    reencoder.take(more, [*shelf.held(text), *shelf.held(TWO, alike=(ONE,))], quiet)
    new = reencoder.seal()
    assert new is not None
    ids = [one.chunk for one in new.contents.chunks]
    assert len(ids) == len(set(ids))
