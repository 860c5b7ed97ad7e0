"""An intake that costs nothing until it is given something, since most commits find nothing new.

with DeferredIntake(context, parent) as intake:
    intake.has_files(digests)            # asks the index
    intake.receive_bytes(data)           # brings the writer
"""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from lastgood.catalog.purges import purged_among, purged_files
from lastgood.errors import Integrity
from lastgood.ids import FileDigest
from lastgood.model.intake import Received
from lastgood.model.placement import Staged
from lastgood.model.release import Manifest
from lastgood.registry.context import Context
from lastgood.registry.points import component_points_at
from lastgood.registry.publish import purged_refusal
from lastgood.store.reader import ObjectReader

if TYPE_CHECKING:
    from lastgood.store.writer import StoreWriter


class DeferredIntake:
    """Receives the bytes of one commit (`registry.protocols.StagingIntake`).

    Args:
        context: the registry.
        parent: the release that the commit follows, whose files its own are likely to resemble.
    """

    def __init__(self, context: Context, parent: Manifest | None = None) -> None:
        self._context = context
        self._parent = parent
        self._writer: StoreWriter | None = None
        self._purged: frozenset[FileDigest] | None = None
        # From before anything is asked: what is collected after this moment may be what the answers rely on.
        self._generation = context.index.generation()

    def receive(self, source: BinaryIO, size: int, name: str | None = None) -> Received:
        """Read a source to its end in one pass."""
        return self._allowed(self._opened().receive(source, size, name), name)

    def receive_bytes(self, data: bytes, name: str | None = None) -> Received:
        """Take bytes that are at hand."""
        return self._allowed(self._opened().receive_bytes(data, name), name)

    def has_files(self, digests: list[FileDigest]) -> set[FileDigest]:
        """Return those of the files whose bytes are kept already."""
        if self._writer is not None:
            return self._writer.has_files(digests)
        return set(self._context.index.known_files(digests))

    def kept_whole(self, known: frozenset[FileDigest]) -> frozenset[FileDigest]:
        """Return those of the parent's listings that are kept with all that they name, and its workspace file if it is kept.

        All of them, unless a repair found that something was lost: then what is lost can be kept again from disk.
        """
        if self._parent is None or not self._context.index.has_losses():
            return known
        index = self._context.index
        lost = set(known) - set(index.known_files(list(known)))
        reader = ObjectReader(self._context.backend, index)
        with self._context.database.reading() as session:
            purged = purged_files(session)
        for component in self._parent.components.values():
            try:
                digests = list({pointer.digest for pointer in component_points_at(component, reader)} - purged)
            except Integrity:
                digests = []
            if component.content.listing is not None and (not digests or len(index.known_files(digests)) < len(digests)):
                lost.add(component.content.listing)
        return known - lost

    def finish(self) -> Staged:
        """Make everything received durable and say where it is."""
        staged = Staged(()) if self._writer is None else self._writer.finish()
        return replace(staged, generation=self._generation)

    def __enter__(self) -> Self:
        """Return itself; leaving the block gives up what was not published."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Let the writer go."""
        if self._writer is not None:
            self._writer.abort()

    def _allowed(self, received: Received, name: str | None) -> Received:
        """Refuse what was purged before it is durable anywhere; whoever publishes looks again, inside the transaction.

        Raises:
            PurgedFile: it was.
        """
        if self._purged is None:
            with self._context.database.reading() as session:
                self._purged = purged_files(session)
        if received.digest in self._purged:
            with self._context.database.reading() as session:
                for purged in purged_among(session, [received.digest]):
                    raise purged_refusal(purged, name)
        return received

    def _opened(self) -> StoreWriter:
        if self._writer is None:
            # Imported here: the chunker and the encoder cost more than all else that an unchanged commit does.
            from lastgood.registry.predecessors import Predecessors  # noqa: PLC0415
            from lastgood.store.segments import tensor_segments  # noqa: PLC0415
            from lastgood.store.writer import StoreWriter  # noqa: PLC0415

            index, backend = self._context.index, self._context.backend
            before = Predecessors(self._parent, ObjectReader(backend, index)).before
            self._writer = StoreWriter(backend, index, layout=tensor_segments, before=before)
        return self._writer
