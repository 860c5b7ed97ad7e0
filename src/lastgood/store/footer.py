"""The footer of a pack, in columns: what is written, and what is checked before any of it is believed.

The byte layout stands in `lastgood.store.pack`. Here it is packed and parsed, without I/O. Parsing trusts nothing: the
counts must give exactly the footer's length before a column is touched, and every rule that the reader relies on is
checked before an object is made.

    >>> contents = parse_footer(write_footer((), (), {}, {}), body_length=0)
    >>> contents.frames, contents.chunks, dict(contents.files), dict(contents.labels)
    ((), (), {}, {})
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from lastgood.errors import NewerSchema
from lastgood.ids import DIGEST_BYTES, ChunkId, FileDigest
from lastgood.model.placement import MOST_DEPTH, ChunkInPack, Encoding, FileMap, Frame, Label

HEADER_BYTES = 8
LONGEST_FRAME = 16 << 20
LONGEST_FOOTER = 64 << 20

VERSION = 2
"""What is written; version 1, which is read as well, has neither bases nor labels."""

_COUNTS = {1: struct.Struct("<5I"), 2: struct.Struct("<7I")}
_BASE_BYTES = 2 * DIGEST_BYTES + 1
_LABEL_BYTES = 4 + 8
_ITSELF = bytes(DIGEST_BYTES)
"""Stands for a context that is the base, or is not needed."""


class BadFooter(ValueError):
    """A footer breaks a rule of the format; whoever knows the pack's name says so to the caller."""


@dataclass(frozen=True, slots=True)
class Footer:
    """What a footer says, before it is bound to a pack's name."""

    frames: tuple[Frame, ...]
    chunks: tuple[ChunkInPack, ...]
    files: Mapping[FileDigest, FileMap]
    labels: Mapping[ChunkId, Label]


def write_footer(
    frames: Sequence[Frame],
    chunks: Sequence[ChunkInPack],
    files: Mapping[FileDigest, FileMap],
    labels: Mapping[ChunkId, Label],
) -> bytes:
    """Write a footer; frames and their chunks are in the order in which they lie in the pack."""
    numbers = {place.chunk: number for number, place in enumerate(chunks)}
    references = [numbers.setdefault(chunk, len(numbers)) for file in files.values() for chunk in file.chunks]
    elsewhere = list(numbers)[len(chunks) :]
    in_frame = [0] * len(frames)
    for place in chunks:
        in_frame[place.frame] += 1
    based = [frame for frame in frames if frame.base is not None]
    return b"".join(
        (
            _COUNTS[VERSION].pack(len(frames), len(chunks), len(elsewhere), len(files), len(references), len(based), len(labels)),
            _column("I", [frame.length for frame in frames]),
            _column("I", [frame.raw_length for frame in frames]),
            _column("I", in_frame),
            bytes(frame.encoding for frame in frames),
            b"".join(place.chunk for place in chunks),
            _column("I", [place.length for place in chunks]),
            b"".join(elsewhere),
            b"".join(files),
            _column("Q", [file.size for file in files.values()]),
            _column("I", [len(file.chunks) for file in files.values()]),
            _column("I", references),
            b"".join(frame.base or _ITSELF for frame in based),
            b"".join(frame.context or _ITSELF for frame in based),
            bytes(frame.depth for frame in based),
            _column("I", [numbers[chunk] for chunk in labels]),
            _column("Q", list(labels.values())),
        )
    )


def parse_footer(data: bytes, *, body_length: int, version: int = VERSION) -> Footer:
    """Parse a footer of a pack of one of the versions, whose frames take `body_length` bytes.

    Raises:
        BadFooter: it breaks a rule of the format.
        NewerSchema: it uses an encoding that this version does not know.
    """
    columns = _Columns(data, version)
    frames, in_frame = _parse_frames(columns, body_length)
    chunks = _parse_chunks(columns, frames, in_frame)
    elsewhere = columns.digests(columns.elsewhere_count)
    files = _parse_files(columns, chunks, [ChunkId(raw) for raw in elsewhere])
    return Footer(_add_bases(columns, frames, chunks), chunks, files, _parse_labels(columns, chunks))


class _Columns:
    """Hands out a footer's columns in order, after checking that the counts account for every byte."""

    def __init__(self, data: bytes, version: int) -> None:
        layout = _COUNTS[version]
        if len(data) < layout.size:
            raise BadFooter("its footer is too short")
        counts = layout.unpack_from(data)
        self.frame_count, self.chunk_count, self.elsewhere_count, self.file_count, self.reference_count = counts[:5]
        self.base_count, self.label_count = counts[5:] or (0, 0)
        expected = (
            layout.size
            + self.frame_count * 13
            + self.chunk_count * (DIGEST_BYTES + 4)
            + self.elsewhere_count * DIGEST_BYTES
            + self.file_count * (DIGEST_BYTES + 12)
            + self.reference_count * 4
            + self.base_count * _BASE_BYTES
            + self.label_count * _LABEL_BYTES
        )
        if len(data) != expected:
            raise BadFooter(f"its footer has {len(data)} bytes where its counts ask for {expected}")
        if self.frame_count > self.chunk_count:
            raise BadFooter("it describes frames that hold no chunk")
        self._data = data
        self._at = layout.size

    def take(self, length: int) -> bytes:
        start, self._at = self._at, self._at + length
        return self._data[start : self._at]

    def numbers(self, kind: str, count: int) -> tuple[int, ...]:
        layout = struct.Struct(f"<{count}{kind}")
        return layout.unpack(self.take(layout.size))

    def digests(self, count: int) -> list[bytes]:
        column = self.take(count * DIGEST_BYTES)
        return [column[start : start + DIGEST_BYTES] for start in range(0, len(column), DIGEST_BYTES)]


def _parse_frames(columns: _Columns, body_length: int) -> tuple[tuple[Frame, ...], tuple[int, ...]]:
    count = columns.frame_count
    lengths, raw_lengths, in_frame = (columns.numbers("I", count) for _ in range(3))
    encodings = columns.take(count)
    if sum(lengths) != body_length:
        raise BadFooter(f"its frames take {sum(lengths)} bytes where {body_length} lie between header and footer")
    if sum(in_frame) != columns.chunk_count:
        raise BadFooter("its frames do not hold as many chunks as it describes")
    offsets = accumulate(lengths, initial=HEADER_BYTES)
    rows = zip(offsets, lengths, raw_lengths, encodings, strict=False)
    return tuple(_check_frame(Frame(at, length, raw, _encoding(number))) for at, length, raw, number in rows), in_frame


def _add_bases(columns: _Columns, frames: Sequence[Frame], chunks: Sequence[ChunkInPack]) -> tuple[Frame, ...]:
    """Return the frames, those among them that have a base with it."""
    bases, contexts = columns.digests(columns.base_count), columns.digests(columns.base_count)
    rows = zip(bases, contexts, columns.take(columns.base_count), strict=True)
    if sum(frame.encoding.has_base for frame in frames) != columns.base_count:
        raise BadFooter("its frames do not have as many bases as it describes")
    if not columns.base_count:
        return tuple(frames)
    held = Counter(place.frame for place in chunks)
    return tuple(_with_base(frame, *next(rows), held[number]) if frame.encoding.has_base else frame for number, frame in enumerate(frames))


def _with_base(frame: Frame, base: bytes, context: bytes, depth: int, held: int) -> Frame:
    if held != 1 or not 0 < depth <= MOST_DEPTH:
        raise BadFooter(f"the frame at {frame.offset} has a base, {held} chunks and the depth {depth}")
    return replace(frame, base=ChunkId(base), context=None if context == _ITSELF else ChunkId(context), depth=depth)


def _parse_labels(columns: _Columns, chunks: Sequence[ChunkInPack]) -> dict[ChunkId, Label]:
    numbers = columns.numbers("I", columns.label_count)
    labels = columns.numbers("Q", columns.label_count)
    if numbers and max(numbers) >= len(chunks):
        raise BadFooter("it labels a chunk that it does not describe")
    if len(set(numbers)) != len(numbers):
        raise BadFooter("it labels a chunk twice")
    if labels and max(labels) >> 63:
        raise BadFooter("it has a label of more than 63 bits")
    return {chunks[number].chunk: label for number, label in zip(numbers, labels, strict=True)}


def _encoding(number: int) -> Encoding:
    try:
        return Encoding(number)
    except ValueError:
        raise NewerSchema(f"it uses encoding number {number}, which this version does not know") from None


def _check_frame(frame: Frame) -> Frame:
    if not 0 < frame.raw_length <= LONGEST_FRAME or not 0 < frame.length <= LONGEST_FRAME:
        raise BadFooter(f"the frame at {frame.offset} claims {frame.length} bytes for {frame.raw_length}")
    return frame


def _parse_chunks(columns: _Columns, frames: Sequence[Frame], in_frame: Sequence[int]) -> tuple[ChunkInPack, ...]:
    digests = columns.digests(columns.chunk_count)
    lengths = columns.numbers("I", columns.chunk_count)
    if len(set(digests)) != len(digests):
        raise BadFooter("it describes a chunk twice")
    if 0 in lengths:
        raise BadFooter("it describes an empty chunk")
    rows = zip(digests, lengths, strict=True)
    return tuple(
        place
        for number, (frame, count) in enumerate(zip(frames, in_frame, strict=True))
        for place in _parse_frame_chunks(number, frame, [next(rows) for _ in range(count)])
    )


def _parse_frame_chunks(number: int, frame: Frame, rows: list[tuple[bytes, int]]) -> Iterator[ChunkInPack]:
    starts = list(accumulate((length for _, length in rows), initial=0))
    if starts[-1] != frame.raw_length:
        raise BadFooter(f"the chunks of the frame at {frame.offset} do not fill it")
    for start, (digest, length) in zip(starts, rows, strict=False):
        yield ChunkInPack(ChunkId(digest), number, start, length)


def _parse_files(columns: _Columns, chunks: Sequence[ChunkInPack], elsewhere: list[ChunkId]) -> dict[FileDigest, FileMap]:
    digests = columns.digests(columns.file_count)
    sizes = columns.numbers("Q", columns.file_count)
    counts = columns.numbers("I", columns.file_count)
    references = columns.numbers("I", columns.reference_count)
    if len(set(digests)) != len(digests):
        raise BadFooter("it maps a file twice")
    if sum(counts) != len(references):
        raise BadFooter("its file maps do not have as many chunks as it says")
    if references and max(references) >= len(chunks) + len(elsewhere):
        raise BadFooter("a file map names a chunk that it does not describe")
    ids = [place.chunk for place in chunks] + elsewhere
    lengths = [place.length for place in chunks]
    ends = accumulate(counts)
    return {
        FileDigest(digest): _parse_file(size, references[end - count : end], ids, lengths)
        for digest, size, count, end in zip(digests, sizes, counts, ends, strict=True)
    }


def _parse_file(size: int, references: tuple[int, ...], ids: list[ChunkId], lengths: list[int]) -> FileMap:
    known = [lengths[number] for number in references if number < len(lengths)]
    others = len(references) - len(known)
    # A chunk that is elsewhere has at least one byte; how many, only its own pack can say.
    if sum(known) + others > size or (not others and sum(known) != size):
        raise BadFooter(f"a file map has chunks of {sum(known)} bytes for a file of {size}")
    return FileMap(size, tuple([ids[number] for number in references]))


def _column(kind: str, numbers: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(numbers)}{kind}", *numbers)
