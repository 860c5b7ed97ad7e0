"""Verifying what releases stand on: files, chunks and packs.

The rules, in words. A pack's name proves all of its bytes, and whoever wrote it had proven that its frames read back; so
to read each byte once, and to see that the index says of each pack what its own footer says, is to verify every chunk.
To decode every file as well (`check_contents`) takes nobody's word for it. What is damaged is told once, with all that it
hurts: whoever needs a damaged chunk, and whoever needs what stands on one, by base or context.

    checker = StoreChecker(context, needed, sizes, progress)
    checker.check_maps()
    checker.check_packs(checker.packs)
    findings = checker.findings()
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from lastgood.catalog import placement
from lastgood.errors import Integrity, LastgoodError
from lastgood.ids import ChunkId, FileDigest, PackId, ReleaseId
from lastgood.model.placement import ChunkPlace, FileMap, PackContents
from lastgood.registry.context import Context
from lastgood.store.frames import Places, resolve
from lastgood.store.pack import read_footer, verify_pack
from lastgood.store.proving import Prover, places_by_frame, wrong_chunks
from lastgood.store.reader import ObjectReader

Progress = Callable[[int], None]
"""Told, now and then, how many bytes more were verified."""

Needed = Mapping[FileDigest, Sequence[ReleaseId]]
"""Files, and which releases need each of them."""

_BATCH_FILES = 500
_BATCH_CHUNKS = 1_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not what it should be, and which releases need it.

    Attributes:
        suspected: releases that keep something in a pack whose description is damaged, although what they need still proves.
    """

    what: str
    releases: frozenset[ReleaseId]
    suspected: frozenset[ReleaseId] = frozenset()


@dataclass(slots=True)
class _Suspect:
    """A pack that is not what it was.

    Attributes:
        wrong: its chunks that do not prove; None where its footer cannot be read, so that nobody knows before they are asked for.
    """

    what: str
    wrong: set[ChunkId] | None
    hurt: set[ReleaseId] = field(default_factory=set)
    near: set[ReleaseId] = field(default_factory=set)


class StoreChecker:
    """Collects what is wrong with what some releases need.

    Args:
        context: the registry.
        needed: the files.
        sizes: how large they are, as listings say.
        progress: told about bytes that were read.
    """

    def __init__(self, context: Context, needed: Needed, sizes: Mapping[FileDigest, int], progress: Progress | None) -> None:
        self._context = context
        self._needed = needed
        self._sizes = sizes
        self._progress = progress
        self._prover = Prover(context.backend, context.index)
        self._suspects: dict[PackId, _Suspect] = {}
        self._told: dict[str, set[ReleaseId]] = defaultdict(set)
        self._lost: set[FileDigest] = set()
        self._order: dict[FileDigest, None] = {}
        self._is_right: dict[ChunkId, bool] = {}
        self.packs: dict[PackId, int | None] = {}
        self.bytes = 0

    def check_maps(self) -> None:
        """Check that every file is indexed, with all its chunks and all that these stand on; note in which packs they are."""
        for maps, places in self._batches(self._needed):
            for digest in maps.keys() & self._needed.keys():
                self._check_map(digest, maps[digest], places)

    def check_packs(self, packs: Mapping[PackId, int | None]) -> None:
        """Check that packs, of known sizes if they are known, are there byte for byte, and that the index says what they say."""
        for pack, size in packs.items():
            try:
                contents = verify_pack(self._context.backend, pack, self._progress)
            except LastgoodError as error:
                self._suspect(pack, error)
                continue
            if size is not None and contents.size != size:
                self._suspects[pack] = _Suspect(f"pack {pack.short} has {contents.size} bytes, the index says {size}", set())
            self._compare(contents)
            self._order.update((digest, None) for digest in contents.files if digest in self._needed)

    def check_contents(self) -> None:
        """Decode every file that was found, and check that it is what its digest says; best after the packs, in their order."""
        rest = [digest for digest in (self._order | dict.fromkeys(self._needed)) if digest not in self._lost]
        for digest, pieces in ObjectReader(self._context.backend, self._context.index).stream_files(rest):
            try:
                for piece in pieces:
                    if self._progress is not None:
                        self._progress(len(piece))
            except LastgoodError as error:
                self.note_unread(error, self._needed[digest])

    def note_unread(self, error: LastgoodError, releases: Iterable[ReleaseId]) -> None:
        """Take note of something that releases need and that could not be read; what is damaged is told once."""
        pack = error.details.get("pack")
        suspect = next((one for name, one in self._suspects.items() if str(name) == pack), None)
        if suspect is not None:
            suspect.hurt.update(releases)
        else:
            self._told[str(error)].update(releases)

    def findings(self) -> list[Finding]:
        """Return all that is wrong, after looking for what is hurt by it."""
        if self._suspects:
            self._find_hurt()
        found = [Finding(what, frozenset(releases)) for what, releases in self._told.items()]
        return [*found, *(Finding(one.what, frozenset(one.hurt), frozenset(one.near)) for one in self._suspects.values())]

    def _batches(self, digests: Iterable[FileDigest]) -> Iterator[tuple[Mapping[FileDigest, FileMap], Places]]:
        """Yield the maps of files, some hundred at a time, and where everything is that they need."""
        rest = iter(digests)
        index = self._context.index
        while batch := list(islice(rest, _BATCH_FILES)):
            with self._context.database.reading():
                try:
                    maps = index.find_files(batch)
                except Integrity as error:
                    self._miss(batch, str(error))
                    continue
                found = self._places(maps)
            self._miss([digest for digest in batch if digest not in maps], "file {} is not in the index")
            if found is not None:
                yield maps, found
                continue
            for digest, one in maps.items():
                if (places := self._places({digest: one}, told=True)) is not None:
                    yield {digest: one}, places

    def _places(self, maps: Mapping[FileDigest, FileMap], *, told: bool = False) -> Places | None:
        """Return where everything is that files need; None where the index is wrong, which is told of one file at a time."""
        try:
            return resolve(self._context.index, (chunk for one in maps.values() for chunk in one.chunks))
        except Integrity as error:
            for digest in maps if told else ():
                self._lost.add(digest)
                self._told[str(error)].update(self._needed[digest])
            return None

    def _miss(self, digests: Iterable[FileDigest], what: str) -> None:
        for digest in digests:
            self._lost.add(digest)
            self._told[what.format(digest.short)].update(self._needed[digest])

    def _check_map(self, digest: FileDigest, file: FileMap, places: Places) -> None:
        self.bytes += file.size
        if self._sizes.get(digest, file.size) != file.size:
            self._miss([digest], f"file {{}} has {file.size:,} bytes, a listing says {self._sizes[digest]:,}")
        whole = list(_standing_on(file.chunks, places))
        self.packs.update((place.pack, None) for place in whole if place.pack not in self.packs)
        known = {place.chunk for place in whole}
        for chunk in {*file.chunks, *(one for place in whole for one in place.frame.needs)} - known:
            self._lost.add(digest)
            self._told[f"chunk {chunk.short} is in no pack that the index knows"].update(self._needed[digest])
        if known.issuperset(file.chunks) and sum(places[chunk].length for chunk in file.chunks) != file.size:
            self._miss([digest], "file {} is not as long as its chunks are together")

    def _suspect(self, pack: PackId, error: LastgoodError) -> None:
        with self._context.database.reading() as session:
            if not placement.is_recorded(session, pack):
                return  # collected since the index was asked: nothing needs it any more
        try:
            contents = read_footer(self._context.backend, pack)
        except LastgoodError:
            self._suspects[pack] = _Suspect(str(error), None)
            return
        self._suspects[pack] = _Suspect(str(error), wrong_chunks(self._prover, contents))
        self._compare(contents)

    def _compare(self, contents: PackContents) -> None:
        """See whether the index says of a pack's chunks what the pack says; a copy that lies elsewhere is that pack's matter."""
        chunks = [place for places in places_by_frame(contents).values() for place in places]
        for start in range(0, len(chunks), _BATCH_CHUNKS):
            batch = {place.chunk: place for place in chunks[start : start + _BATCH_CHUNKS]}
            try:
                found = self._context.index.find_chunks(list(batch))
            except Integrity as error:
                self._told[str(error)].update()
                return
            wrong = [one for one, place in found.items() if place.pack == contents.pack and _shape(place) != _shape(batch[one])]
            if wrong:
                named = ", ".join(chunk.short for chunk in wrong[:3]) + (f" and {len(wrong) - 3} more" if wrong[3:] else "")
                what = f"the index leads to another place in pack {contents.pack.short} than the pack says, for chunk {named}"
                self._told[what].update(self._releases_that_need(set(wrong)))

    def _releases_that_need(self, chunks: set[ChunkId]) -> set[ReleaseId]:
        return {
            release
            for maps, places in self._batches(self._needed)
            for digest, file in maps.items()
            if any(place.chunk in chunks for place in _standing_on(file.chunks, places))
            for release in self._needed[digest]
        }

    def _find_hurt(self) -> None:
        """Find out which releases need what is damaged; it looks at every file, so it is done only then."""
        for maps, places in self._batches(self._needed):
            for digest, file in maps.items():
                for place in _standing_on(file.chunks, places):
                    suspect = self._suspects.get(place.pack)
                    if suspect is not None:
                        if suspect.wrong is None:
                            suspect.near.update(self._needed[digest])
                        if self._is_wrong(place, suspect):
                            suspect.hurt.update(self._needed[digest])

    def _is_wrong(self, place: ChunkPlace, suspect: _Suspect) -> bool:
        if suspect.wrong is not None:
            return place.chunk in suspect.wrong
        if place.chunk not in self._is_right:
            self._is_right[place.chunk] = bool(self._prover.prove([place]))
        return not self._is_right[place.chunk]


def _standing_on(chunks: Sequence[ChunkId], places: Places) -> Iterator[ChunkPlace]:
    """Yield where chunks are, and all that they stand on, each once."""
    seen = set(chunks)
    new = list(seen)
    while new:
        place = places.get(new.pop())
        if place is not None:
            yield place
            new += [one for one in place.frame.needs if one not in seen]
            seen.update(place.frame.needs)


def _shape(place: ChunkPlace) -> tuple[object, ...]:
    # Not the depth: it may have fallen since the pack was written.
    frame = place.frame
    return frame.offset, frame.length, frame.raw_length, frame.encoding, frame.base, frame.context, place.start, place.length
