"""Packs that were made on purpose to harm whoever reads them are refused, for the reason that they are wrong."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import zstandard
from blake3 import blake3

from lastgood.errors import Integrity, NewerSchema
from lastgood.ids import FileDigest
from lastgood.model.placement import Encoding
from lastgood.store.backend.memory import MemoryBackend
from lastgood.store.chunking import chunk_id
from lastgood.store.pack import read_footer
from tests.store.keeping import put


@dataclass(frozen=True)
class Columns:
    """A footer, column by column as the format's page describes it; the pack's frames are `helloworld`."""

    lengths: Sequence[int] = (10,)
    raw_lengths: Sequence[int] = (10,)
    in_frame: Sequence[int] = (2,)
    encodings: Sequence[int] = (0,)
    chunks: Sequence[bytes] = (chunk_id(b"hello"), chunk_id(b"world"))
    chunk_lengths: Sequence[int] = (5, 5)
    elsewhere: Sequence[bytes] = (chunk_id(b"other"),)
    files: Sequence[bytes] = (FileDigest.of(b"helloworld"), FileDigest.of(b"hello"))
    sizes: Sequence[int] = (10, 5)
    counts: Sequence[int] = (2, 1)
    references: Sequence[int] = (0, 1, 0)
    bases: Sequence[bytes] = ()
    contexts: Sequence[bytes] = ()
    depths: Sequence[int] = ()
    labelled: Sequence[int] = ()
    labels: Sequence[int] = ()
    extra: bytes = b""
    claimed: Sequence[int] = ()


HONEST = Columns()
"""A pack as version 1 has it, and, with what it counts more, as version 2."""

BASED = replace(
    HONEST,
    lengths=(4, 6),
    raw_lengths=(5, 5),
    in_frame=(1, 1),
    encodings=(Encoding.RAW, Encoding.DELTA),
    bases=(chunk_id(b"hello"),),
    contexts=(bytes(32),),
    depths=(1,),
    labelled=(1, 0),
    labels=(7, (1 << 63) - 1),
)


def forge(columns: Columns, *, version: int = 1) -> bytes:
    """Write a pack by hand, with right digests around whatever the columns say."""
    lists = [columns.lengths, columns.chunks, columns.elsewhere, columns.files, columns.references]
    lists += [columns.bases, columns.labels] if version > 1 else []
    raw = b"".join(
        (
            numbers("I", columns.claimed or [len(one) for one in lists]),
            numbers("I", columns.lengths),
            numbers("I", columns.raw_lengths),
            numbers("I", columns.in_frame),
            bytes(columns.encodings),
            *columns.chunks,
            numbers("I", columns.chunk_lengths),
            *columns.elsewhere,
            *columns.files,
            numbers("Q", columns.sizes),
            numbers("I", columns.counts),
            numbers("I", columns.references),
            *columns.bases,
            *columns.contexts,
            bytes(columns.depths),
            numbers("I", columns.labelled),
            numbers("Q", columns.labels),
            columns.extra,
        )
    )
    return frame_footer(raw, len(raw), Encoding.RAW, version=version)


def numbers(kind: str, column: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(column)}{kind}", *column)


def frame_footer(encoded: bytes, raw_length: int, encoding: int, *, version: int = 1) -> bytes:
    """Put header, a frame, a footer and a right trailer together."""
    header = b"LGPACK" + struct.pack("<H", version)
    frames = b"helloworld"
    numbers = struct.pack("<QIIB3x", len(header) + len(frames), len(encoded), raw_length, encoding)
    digest = blake3(header + encoded + numbers).digest()
    return header + frames + encoded + numbers + digest + b"LGPKEND\n"


class TestHostilePacks:
    """A pack whose digests are right but whose footer lies: made on purpose, so every claim is checked."""

    @pytest.mark.parametrize(
        ("lie", "what"),
        [
            (replace(HONEST, lengths=[99], raw_lengths=[99]), "its frames take 99 bytes where 10 lie"),
            (replace(HONEST, raw_lengths=[1 << 31], chunk_lengths=[5, (1 << 31) - 5]), "claims 10 bytes for 2147483648"),
            (replace(HONEST, raw_lengths=[0]), "claims 10 bytes for 0"),
            (replace(HONEST, in_frame=[3]), "as many chunks"),
            (replace(HONEST, chunk_lengths=[5, 6]), "do not fill it"),
            (replace(HONEST, chunk_lengths=[0, 10]), "empty chunk"),
            (replace(HONEST, chunks=[HONEST.chunks[0]] * 2), "a chunk twice"),
            (replace(HONEST, files=[HONEST.files[0]] * 2), "a file twice"),
            (replace(HONEST, sizes=[10, 4]), "5 bytes for a file of 4"),
            (replace(HONEST, sizes=[11, 5]), "10 bytes for a file of 11"),
            (replace(HONEST, counts=[2, 2]), "as many chunks as it says"),
            (replace(HONEST, references=[0, 1, 3]), "it does not describe"),
            (replace(HONEST, references=[0, 1, 2], sizes=[10, 0]), "for a file of 0"),
            (replace(HONEST, lengths=[5, 5], raw_lengths=[5, 5], in_frame=[2, 0], encodings=[0, 0]), "do not fill it"),
            (replace(HONEST, lengths=[4, 3, 3], raw_lengths=[1] * 3, in_frame=[2, 0, 0], encodings=[0] * 3), "hold no chunk"),
            (replace(HONEST, extra=b"more"), "its counts ask for"),
            (replace(HONEST, claimed=[1 << 31, 2, 1, 2, 3]), "its counts ask for"),
            (replace(HONEST, claimed=[(1 << 32) - 1] * 5), "its counts ask for"),
        ],
    )
    def test_a_lying_footer_is_refused(self, lie: Columns, what: str) -> None:
        backend = MemoryBackend()
        honest = read_footer(backend, put(backend, forge(HONEST)))
        assert [file.size for file in honest.files.values()] == [10, 5]
        for version in (1, 2):
            with pytest.raises(Integrity, match=what):
                read_footer(backend, put(backend, forge(lie, version=version)))

    @pytest.mark.parametrize(
        ("lie", "what"),
        [
            (replace(BASED, bases=[], contexts=[], depths=[]), "as many bases"),
            (replace(BASED, bases=[*BASED.bases] * 2, contexts=[*BASED.contexts] * 2, depths=[1, 1]), "as many bases"),
            (replace(BASED, encodings=[0, 0]), "as many bases"),
            (replace(BASED, encodings=[4, 3]), "as many bases"),
            (replace(BASED, depths=[0]), "the depth 0"),
            (replace(BASED, depths=[201]), "the depth 201"),
            (replace(BASED, lengths=[10], raw_lengths=[10], in_frame=[2], encodings=[4]), "has a base, 2 chunks"),
            (replace(BASED, lengths=[10], raw_lengths=[5], in_frame=[2], encodings=[3]), "do not fill it"),
            (replace(BASED, labelled=[1, 2]), "labels a chunk that it does not describe"),
            (replace(BASED, labelled=[1, (1 << 32) - 1]), "labels a chunk that it does not describe"),
            (replace(BASED, labelled=[1, 1]), "labels a chunk twice"),
            (replace(BASED, labels=[1 << 63, 0]), "more than 63 bits"),
            (replace(BASED, bases=[*BASED.bases] * 2), "its counts ask for"),
            (replace(BASED, labels=[7]), "its counts ask for"),
            (replace(BASED, claimed=[2, 2, 1, 2, 3, 1, 1 << 30]), "its counts ask for"),
            (replace(BASED, claimed=[2, 2, 1, 2, 3, (1 << 32) - 1, 2]), "its counts ask for"),
            (replace(BASED, claimed=[2, 2, 1, 2, 3]), "its counts ask for"),
        ],
    )
    def test_bases_and_labels_that_lie_are_refused(self, lie: Columns, what: str) -> None:
        backend = MemoryBackend()
        honest = read_footer(backend, put(backend, forge(BASED, version=2)))
        assert (honest.frames[1].base, honest.frames[1].context, honest.frames[1].depth) == (chunk_id(b"hello"), None, 1)
        assert honest.labels == {chunk_id(b"world"): 7, chunk_id(b"hello"): (1 << 63) - 1}
        deepest = replace(BASED, contexts=[chunk_id(b"other")], depths=[200])
        assert read_footer(backend, put(backend, forge(deepest, version=2))).frames[1].context == chunk_id(b"other")
        with pytest.raises(Integrity, match=what):
            read_footer(backend, put(backend, forge(lie, version=2)))

    def test_version_1_has_no_bases(self) -> None:
        backend = MemoryBackend()
        without = replace(BASED, bases=[], contexts=[], depths=[], labelled=[], labels=[])
        with pytest.raises(Integrity, match="as many bases"):
            read_footer(backend, put(backend, forge(without)))
        with pytest.raises(Integrity, match="its counts ask for"):
            read_footer(backend, put(backend, forge(BASED)))

    def test_a_footer_that_explodes_is_refused(self) -> None:
        bomb = zstandard.ZstdCompressor().compress(bytes(1 << 28))
        for claim in (1_000, 1 << 28, 60 << 20):
            backend = MemoryBackend()
            pack = put(backend, frame_footer(bomb, claim, Encoding.ZSTD))
            tracemalloc.start()
            with pytest.raises(Integrity):
                read_footer(backend, pack)
            assert tracemalloc.get_traced_memory()[1] < 4 << 20
            tracemalloc.stop()

    def test_a_footer_of_millions_of_frames_is_refused_before_they_are_made(self) -> None:
        count = 1_500_000
        footer = struct.pack("<5I", count, count, 0, 0, 0) + bytes(count * 13 + count * 36)
        backend = MemoryBackend()
        pack = put(backend, frame_footer(zstandard.ZstdCompressor().compress(footer), len(footer), Encoding.ZSTD))
        tracemalloc.start()
        with pytest.raises(Integrity):
            read_footer(backend, pack)
        assert tracemalloc.get_traced_memory()[1] < 600 << 20
        tracemalloc.stop()

    def test_what_a_newer_version_wrote_is_named_so(self) -> None:
        backend = MemoryBackend()
        for data in (
            forge(HONEST, version=3),
            forge(HONEST, version=0),
            forge(replace(HONEST, encodings=[9])),
            frame_footer(b"x", 1, 7),
        ):
            pack = put(backend, data)
            with pytest.raises(NewerSchema) as caught:
                read_footer(backend, pack)
            assert caught.value.details == {"pack": str(pack)}
