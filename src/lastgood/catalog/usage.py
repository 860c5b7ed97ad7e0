"""What the index says of bytes, a page at a time, for whoever adds all of them up.

Rules: everything is read inside one session, so that it is of one moment; ids come in the order of their bytes.

    with database.reading() as session:
        packs = pack_sizes(session)
        for page in chunk_pages(session):
            count(page.ids, page.rows)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lastgood.catalog.database import Row, Session
from lastgood.clock import parse_instant
from lastgood.ids import PackId, PipelineName, ReleaseId

_PAGE = 20_000


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a table: their keys, joined, and the other columns."""

    ids: bytes
    rows: list[tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class FilePage:
    """Some files: their digests, joined, their sizes, and of each the ids of its chunks, joined."""

    ids: bytes
    sizes: list[int]
    chunks: list[bytes]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A release, where it stands in history and when it came."""

    release: ReleaseId
    pipeline: PipelineName
    number: int
    recorded_at: datetime


def recorded_releases(session: Session) -> list[Recorded]:
    """Return every release, in the order in which they were recorded."""
    rows = session.rows("SELECT release, pipeline, number, recorded_at FROM fact_releases ORDER BY sequence")
    return [Recorded(ReleaseId(bytes(row[0])), PipelineName(row[1]), int(row[2]), parse_instant(row[3])) for row in rows]


def pack_sizes(session: Session) -> dict[int, tuple[PackId, int]]:
    """Return the packs that are recorded, by number, with their sizes."""
    rows = session.rows("SELECT pack_number, pack, size FROM index_packs ORDER BY pack_number")
    return {int(row[0]): (PackId(bytes(row[1])), int(row[2])) for row in rows}


def frame_rows(session: Session) -> Iterator[list[tuple[int, ...]]]:
    """Yield the frames in the order of pack and frame: pack, frame, offset, length, decoded length and encoding."""
    query = (
        "SELECT pack_number, frame, frame_offset, frame_length, raw_length, encoding FROM index_frames"
        " WHERE pack_number > :pack OR (pack_number = :pack AND frame > :frame) ORDER BY pack_number, frame LIMIT :page"
    )
    pack, frame = -1, -1
    while page := session.rows(query, pack=pack, frame=frame, page=_PAGE):
        yield page
        pack, frame = page[-1][0], page[-1][1]


def chunk_pages(session: Session) -> Iterator[Page]:
    """Yield the chunks: pack, frame, start and length of each."""
    query = "SELECT chunk, pack_number, frame, chunk_start, chunk_length FROM index_chunks WHERE chunk > :after ORDER BY chunk LIMIT :page"
    for page in _pages(session, query):
        yield Page(b"".join(bytes(row[0]) for row in page), [row[1:] for row in page])


def file_pages(session: Session) -> Iterator[FilePage]:
    """Yield the files whose maps are kept."""
    query = "SELECT digest, size, chunks FROM index_files WHERE digest > :after ORDER BY digest LIMIT :page"
    for page in _pages(session, query):
        yield FilePage(b"".join(bytes(row[0]) for row in page), [int(row[1]) for row in page], [bytes(row[2]) for row in page])


def delta_pages(session: Session) -> Iterator[list[tuple[bytes, bytes, bytes | None]]]:
    """Yield what stands on what: a chunk, its base and its context."""
    query = "SELECT chunk, base, context FROM index_deltas WHERE chunk > :after ORDER BY chunk LIMIT :page"
    for page in _pages(session, query):
        yield [(bytes(row[0]), bytes(row[1]), None if row[2] is None else bytes(row[2])) for row in page]


def _pages(session: Session, query: str) -> Iterator[list[Row]]:
    after = b""
    while page := session.rows(query, after=after, page=_PAGE):
        yield page
        after = bytes(page[-1][0])
