"""Filling an empty index from packs: good ones, and what still proves of damaged ones.

The order, in words: frames that stand for themselves come first, then those that were written at depth 1, and so on; each
is recorded only when what it stands on is. What is left then had a base that lost its shallow copy: it is tried again,
deeper, until nothing more fits. A chunk of a damaged pack is proven before it is recorded, so that nothing stands on
damage; in the end what was found in such a pack is written into a new one.

    old = OldIndex(context)
    with context.database.writing() as session:
        old.ask(session, bad)
        context.database.clear(session, rebuilding.TABLES)
        builder = IndexBuilder(context, session, old, bad)
        builder.add_packs(good)
        builder.save_chunks()
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from lastgood.catalog import placement, rebuilding
from lastgood.catalog.database import Session
from lastgood.errors import Integrity, NewerSchema, NotFound
from lastgood.ids import ChunkId, FileDigest, PackId
from lastgood.model.placement import FileMap, PackContents
from lastgood.registry.context import Context
from lastgood.store.pack import pack_name, read_footer
from lastgood.store.proving import Prover, places_by_frame
from lastgood.store.reader import ObjectReader
from lastgood.store.salvage import salvage_pack


class OldIndex:
    """What is asked of the old index while it is still there: what damaged packs cannot say themselves.

    It is asked once. Where its pages are damaged, a transaction that has met them cannot go on, and the next one must not
    look at them again.

    Attributes:
        said: what it says of itself, once it was asked.
        contents: what it says of packs whose footers are damaged; none of it is proven.
    """

    def __init__(self, context: Context) -> None:
        self._backend = context.backend
        self.said: rebuilding.Remembered | None = None
        self.contents: dict[PackId, PackContents] = {}

    def ask(self, session: Session, bad: Collection[PackId]) -> rebuilding.Remembered:
        """Ask for whatever is not known yet, before it is cleared, and return what it says of itself."""
        if self.said is None:
            self.said = rebuilding.remembered(session)
        for pack in bad:
            if pack not in self.contents and not self._has_footer(pack):
                size = self._size(pack)
                contents = rebuilding.remembered_contents(session, pack, size)
                self.contents[pack] = contents or PackContents(pack, size, (), (), {})
        return self.said

    def _has_footer(self, pack: PackId) -> bool:
        try:
            read_footer(self._backend, pack)
        except Integrity:
            return False
        return True

    def _size(self, pack: PackId) -> int:
        try:
            return self._backend.size(pack_name(pack))
        except (Integrity, NotFound):
            return 0


class IndexBuilder:
    """Fills the index in one transaction.

    Args:
        context: the registry.
        session: the transaction, in which the index is empty.
        old: what the index said before.
        bad: the packs that are damaged.
    """

    def __init__(self, context: Context, session: Session, old: OldIndex, bad: Collection[PackId]) -> None:
        self._context = context
        self._session = session
        self._old = old
        self._prover = Prover(context.backend, context.index)
        self._numbers: dict[PackId, int] = {}
        self._depths: dict[PackId, dict[ChunkId, int]] = {pack: {} for pack in bad}
        self._maps: dict[PackId, dict[FileDigest, FileMap]] = {pack: {} for pack in bad}

    def add_packs(self, good: Collection[PackId]) -> None:
        """Record all packs, the good ones in the order in which they came, as far as that is known."""
        order = () if self._old.said is None else self._old.said.packs
        known = dict.fromkeys(pack for pack in order if pack in good)
        packs = [*known, *(pack for pack in sorted(good) if pack not in known), *sorted(self._depths)]
        deeper = self._add_flat(packs)
        left: set[PackId] = set()
        for depth in sorted(deeper):
            left.update(pack for pack in deeper[depth] if self._add_frames(pack, depth)[1])
        while left:
            tried = {pack: self._add_frames(pack, None) for pack in packs if pack in left}
            left = {pack for pack, (_, is_left) in tried.items() if is_left}
            if not any(added for added, _ in tried.values()):
                break
        for pack in packs:
            self._add_maps(pack)

    def save_chunks(self) -> None:
        """Write what was found in damaged packs into new ones, and let the index lead there."""
        for pack, depths in self._depths.items():
            if not depths and not self._maps[pack]:
                rebuilding.forget_pack(self._session, self._numbers[pack], ())
                continue
            saved, pieces = salvage_pack(self._context.backend, self._prover, self._contents(pack), depths, self._maps[pack])
            # Durable before the transaction ends; if it does not end well, this is a pack that no catalog knows.
            self._context.backend.put(pack_name(saved.pack), pieces)
            rebuilding.forget_pack(self._session, self._numbers[pack], list(depths))
            number = self._numbers[saved.pack] = rebuilding.record_pack(self._session, saved)
            at = {one.frame: depths[one.chunk] for one in saved.chunks}
            rebuilding.record_chunks(self._session, number, saved, saved.chunks, at)

    def saved_from(self, pack: PackId) -> int:
        """Return how many chunks were found only in a damaged pack."""
        return len(self._depths[pack])

    def _contents(self, pack: PackId) -> PackContents:
        return self._old.contents.get(pack) or read_footer(self._context.backend, pack)

    def _add_flat(self, packs: Iterable[PackId]) -> dict[int, list[PackId]]:
        """Record packs and their frames of depth 0, and return which packs have deeper ones."""
        deeper: dict[int, list[PackId]] = defaultdict(list)
        for pack in packs:
            contents = self._contents(pack)
            self._numbers[pack] = rebuilding.record_pack(self._session, contents)
            self._add_frames_of(contents, 0)
            for depth in {frame.depth for frame in contents.frames} - {0}:
                deeper[depth].append(pack)
        return deeper

    def _add_frames(self, pack: PackId, depth: int | None) -> tuple[bool, bool]:
        return self._add_frames_of(self._contents(pack), depth)

    def _add_frames_of(self, contents: PackContents, depth: int | None) -> tuple[bool, bool]:
        """Record what fits, and say whether something did and whether something is left that may fit later."""
        fitting = rebuilding.frames_that_fit(self._session, contents, depth)
        chunks = fitting.chunks
        if contents.pack in self._depths:
            right = self._right(contents, fitting)
            chunks = tuple(one for one in chunks if one.chunk in right)
            self._depths[contents.pack].update((one.chunk, fitting.depths[one.frame]) for one in chunks)
        rebuilding.record_chunks(self._session, self._numbers[contents.pack], contents, chunks, fitting.depths)
        return bool(chunks), fitting.is_left

    def _right(self, contents: PackContents, fitting: rebuilding.Fitting) -> set[ChunkId]:
        frames = places_by_frame(contents)
        return {one.place.chunk for number in fitting.depths for one in self._prover.prove(frames[number])}

    def _add_maps(self, pack: PackId) -> None:
        contents = self._contents(pack)
        files: Mapping[FileDigest, FileMap] = rebuilding.files_that_fit(self._session, contents.files)
        if pack in self._old.contents:
            files = {digest: file for digest, file in files.items() if self._is_right(digest, file)}
        if pack in self._maps:
            self._maps[pack].update(files)
        placement.add_files(self._session, files)

    def _is_right(self, digest: FileDigest, file: FileMap) -> bool:
        """Whether a map that only the old index knew gives the file; a footer's is proven by the footer's digest."""
        hasher = hashlib.sha256()
        try:
            for piece in ObjectReader(self._context.backend, self._context.index).read_chunks(file.chunks):
                hasher.update(piece)
        except (Integrity, NewerSchema):
            return False
        return hasher.digest() == digest
