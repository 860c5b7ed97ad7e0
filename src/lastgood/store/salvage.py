"""Writes what still proves of a damaged pack into a new one.

A frame all of whose chunks are taken over is copied as it is, with what it stands on; of one that is damaged in part, what
is right is encoded anew. So the new pack describes itself like any other, and the damaged one is not needed any more.

    contents, pieces = salvage_pack(backend, prover, damaged, wanted, files)
    backend.put(pack_name(contents.pack), pieces)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from lastgood.ids import ChunkId, FileDigest
from lastgood.model.placement import ChunkPlace, FileMap, PackContents
from lastgood.store import codec
from lastgood.store.backend import Piece, Source
from lastgood.store.codec import Written
from lastgood.store.pack import PackBuilder, pack_name
from lastgood.store.proving import Prover, RightChunk, places_by_frame


def salvage_pack(
    backend: Source,
    prover: Prover,
    damaged: PackContents,
    wanted: Collection[ChunkId],
    files: Mapping[FileDigest, FileMap],
) -> tuple[PackContents, list[Piece]]:
    """Return a new pack of some chunks of a damaged one, all of which prove, and of file maps; it is not put yet.

    Args:
        backend: where the damaged pack is.
        prover: reads its frames.
        damaged: what it holds, or held.
        wanted: the chunks to take over.
        files: the maps to take over; their chunks are in the new pack, or durable elsewhere.
    """
    builder = PackBuilder()
    for places in places_by_frame(damaged).values():
        right = [one for one in prover.prove(places) if one.place.chunk in wanted]
        if len(right) == len(places) and _fills(places):
            frame = places[0].frame
            encoded = backend.read(pack_name(damaged.pack), frame.offset, frame.length)
            written = Written(frame.encoding, (encoded,), frame.base, frame.context, frame.depth)
            builder.add_frame(written, frame.raw_length, [(one.chunk, one.length) for one in places])
        elif right:
            _encode_anew(builder, right)
        for one in right:
            if one.place.chunk in damaged.labels:
                builder.add_label(one.place.chunk, damaged.labels[one.place.chunk])
    for digest, file in files.items():
        builder.add_file(digest, file)
    return builder.seal()


def _fills(places: Sequence[ChunkPlace]) -> bool:
    """Whether chunks follow each other and fill their frame, as those of a pack's own description do."""
    end = 0
    for place in places:
        if place.start != end:
            return False
        end += place.length
    return end == places[0].frame.raw_length


def _encode_anew(builder: PackBuilder, right: Sequence[RightChunk]) -> None:
    raw = b"".join(one.raw for one in right)
    builder.add_frame(codec.encode(raw), len(raw), [(one.place.chunk, one.place.length) for one in right])
