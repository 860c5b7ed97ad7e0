"""The index as columns: where each chunk is, what it takes, what it stands on, and which chunks each file is made of.

Rules, in words: the encoded length of a frame is divided among its chunks by their decoded lengths, in whole bytes by the
largest remainder, the first chunk of equal ones winning; what belongs to chunks that are not read from there any more is
*dead*. So the shares and the dead bytes of a frame add up to its length, always.

Ids are searched by their first eight bytes and then compared whole: a column of a million chunks takes 32 MB and no
dictionary.

    with database.reading() as session:
        index = read_index(session)
    needed = index.with_bases(index.chunks_of(index.files.find(digests)))
    index.share[needed].sum()
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lastgood.catalog import usage
from lastgood.catalog.database import Session
from lastgood.errors import Integrity
from lastgood.ids import DIGEST_BYTES, PackId

Numbers = NDArray[np.int64]
Rows = NDArray[np.int32]
Mask = NDArray[np.bool_]

_WORDS = DIGEST_BYTES // 8
_NOBODY = -1


class Ids:
    """A column of digests in the order of their bytes."""

    def __init__(self, joined: bytes) -> None:
        self._words = np.frombuffer(joined, dtype=">u8").reshape(-1, _WORDS)
        self._first = self._words[:, 0].astype(np.uint64)

    def __len__(self) -> int:
        return len(self._first)

    def find(self, joined: bytes) -> Rows:
        """Return the rows of digests, -1 where there is none of that name.

        Args:
            joined: the digests, one after the other.
        """
        asked = np.frombuffer(joined, dtype=">u8").reshape(-1, _WORDS)
        first = asked[:, 0].astype(np.uint64)
        at = np.searchsorted(self._first, first)
        found = np.full(len(asked), _NOBODY, dtype=np.int32)
        open_ones = np.arange(len(asked))
        while len(open_ones):
            rows = at[open_ones]
            inside = rows < len(self)
            open_ones, rows = open_ones[inside], rows[inside]
            alike = self._first[rows] == first[open_ones]
            open_ones, rows = open_ones[alike], rows[alike]
            same = (self._words[rows] == asked[open_ones]).all(axis=1)
            found[open_ones[same]] = rows[same]
            open_ones = open_ones[~same]
            at[open_ones] += 1
        return found


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames of all packs, in the order of pack and place."""

    pack: Numbers
    offset: Numbers
    length: Numbers
    raw: Numbers
    encoding: Numbers
    dead: Numbers


@dataclass(frozen=True, slots=True)
class Index:
    """What the index knows of bytes.

    Attributes:
        packs: the packs by number, with their sizes.
        frames: the frames.
        ids: the ids of the chunks; what follows has one row a chunk.
        frame: the row of the frame that it lies in.
        length: its decoded length.
        share: the encoded bytes that are its own.
        base, context: the rows of what it stands on, -1 where it stands on nothing.
        files: the digests of the files.
        sizes: their sizes.
        starts: where in `parts` the chunks of each file begin, with the end of the last one.
        parts: the rows of the files' chunks, file after file; -1 for one that is nowhere.
    """

    packs: dict[int, tuple[PackId, int]]
    frames: Frames
    ids: Ids
    frame: Numbers
    length: Numbers
    share: Numbers
    base: Rows
    context: Rows
    files: Ids
    sizes: Numbers
    starts: Numbers
    parts: Rows

    def chunks_of(self, files: Rows) -> Rows:
        """Return the rows of the chunks that files are made of, each once; those that are nowhere are left out."""
        starts, ends = self.starts[files], self.starts[files + 1]
        lengths = ends - starts
        total = int(lengths.sum())
        if not total:
            return np.empty(0, dtype=np.int32)
        begins = np.cumsum(lengths) - lengths
        places = np.arange(total) - np.repeat(begins, lengths) + np.repeat(starts, lengths)
        found = np.unique(self.parts[places])
        return found[found >= 0]

    def with_bases(self, chunks: Rows) -> Rows:
        """Return the rows of chunks and of all that they stand on, in order."""
        needed = np.zeros(len(self.ids), dtype=np.bool_)
        new = chunks
        while len(new):
            needed[new] = True
            below = np.concatenate([self.base[new], self.context[new]])
            below = np.unique(below[below >= 0])
            new = below[~needed[below]]
        return np.flatnonzero(needed).astype(np.int32)


def read_index(session: Session) -> Index:
    """Read the whole index of one moment."""
    packs = usage.pack_sizes(session)
    rows = _columns(usage.frame_rows(session), 6)
    joined: list[bytes] = []
    chunks = _columns(_noting(usage.chunk_pages(session), joined), 4)
    ids = Ids(b"".join(joined))
    frame = _frames_of(rows, chunks)
    share, dead = divide(rows[3], rows[4], frame, chunks[2], chunks[3])
    base, context = _bases(session, ids)
    files, sizes, starts, parts = _files(session, ids)
    frames = Frames(rows[0], rows[2], rows[3], rows[4], rows[5], dead)
    return Index(packs, frames, ids, frame, chunks[3], share, base, context, files, sizes, starts, parts)


def divide(length: Numbers, raw: Numbers, frame: Numbers, start: Numbers, size: Numbers) -> tuple[Numbers, Numbers]:
    """Divide the encoded lengths of frames among the chunks that are read from them.

    Args:
        length: the encoded length of each frame.
        raw: its decoded length.
        frame: of each chunk, the row of its frame.
        start: where in the frame it begins; who comes first wins where two have the same remainder.
        size: its decoded length.

    Returns:
        the bytes of each chunk, and of each frame those that belong to none.
    """
    # What no chunk claims takes part in the division as one more chunk of each frame, behind all others.
    claimed = np.zeros(len(length), dtype=np.int64)
    np.add.at(claimed, frame, size)
    sizes = np.concatenate([size, np.maximum(raw - claimed, 0)])
    owners = np.concatenate([frame, np.arange(len(length))])
    wholes = np.zeros(len(length), dtype=np.int64)
    np.add.at(wholes, owners, sizes)
    # Frames have at most 16 MiB on either side, so the products stay far below 2⁶³.
    products = sizes * length[owners]
    divisors = np.maximum(wholes, 1)[owners]
    shares, remainders = products // divisors, products % divisors
    given = np.zeros(len(length), dtype=np.int64)
    np.add.at(given, owners, shares)
    missing = length - given
    places = np.concatenate([start, np.full(len(length), np.iinfo(np.int64).max)])
    order = np.lexsort((places, -remainders, owners))
    first = np.searchsorted(owners[order], np.arange(len(length)))
    ranks = np.arange(len(order)) - first[owners[order]]
    shares[order] += ranks < missing[owners[order]]
    return shares[: len(size)], shares[len(size) :]


def _frames_of(rows: list[Numbers], chunks: list[Numbers]) -> Numbers:
    """Return of each chunk the row of its frame; frames of a pack are numbered without gaps."""
    frame = np.searchsorted(rows[0], chunks[0]) + chunks[1]
    if len(frame) and (frame.max() >= len(rows[0]) or (rows[0][frame] != chunks[0]).any() or (rows[1][frame] != chunks[1]).any()):
        raise Integrity("the index is damaged: chunks lie in frames that it does not have", hint="lastgood repair")
    return frame


def _noting(pages: Iterable[usage.Page], joined: list[bytes]) -> Iterator[list[tuple[int, ...]]]:
    for page in pages:
        joined.append(page.ids)
        yield page.rows


def _bases(session: Session, ids: Ids) -> tuple[Rows, Rows]:
    base = np.full(len(ids), _NOBODY, dtype=np.int32)
    context = np.full(len(ids), _NOBODY, dtype=np.int32)
    for page in usage.delta_pages(session):
        above = ids.find(b"".join(row[0] for row in page))
        is_there = above >= 0
        base[above[is_there]] = ids.find(b"".join(row[1] for row in page))[is_there]
        below = ids.find(b"".join(row[2] or bytes(DIGEST_BYTES) for row in page))
        context[above[is_there]] = below[is_there]
    return base, context


def _files(session: Session, ids: Ids) -> tuple[Ids, Numbers, Numbers, Rows]:
    digests: list[bytes] = []
    sizes: list[int] = []
    counts: list[int] = [0]
    parts: list[Rows] = []
    for page in usage.file_pages(session):
        digests.append(page.ids)
        sizes += page.sizes
        counts += [len(one) // DIGEST_BYTES for one in page.chunks]
        parts.append(ids.find(b"".join(page.chunks)))
    joined = np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)
    return Ids(b"".join(digests)), np.array(sizes, dtype=np.int64), np.cumsum(np.array(counts, dtype=np.int64)), joined


def _columns(pages: Iterable[list[tuple[int, ...]]], width: int) -> list[Numbers]:
    arrays = [np.array(page, dtype=np.int64).reshape(-1, width) for page in pages]
    table = np.concatenate(arrays) if arrays else np.empty((0, width), dtype=np.int64)
    return [np.ascontiguousarray(table[:, column]) for column in range(width)]
