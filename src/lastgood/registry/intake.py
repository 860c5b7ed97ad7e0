"""An intake that costs nothing until it is given something, since most commits find nothing new.

with DeferredIntake(context, parent) as intake:
    intake.has_files(digests)            # asks the index
    intake.receive_bytes(data)           # brings the writer
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from lastgood.ids import FileDigest
from lastgood.model.intake import Received
from lastgood.model.placement import Staged
from lastgood.model.release import Manifest
from lastgood.registry.context import Context
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

    def receive(self, source: BinaryIO, size: int, name: str | None = None) -> Received:
        """Read a source to its end in one pass."""
        return self._opened().receive(source, size, name)

    def receive_bytes(self, data: bytes, name: str | None = None) -> Received:
        """Take bytes that are at hand."""
        return self._opened().receive_bytes(data, name)

    def has_files(self, digests: list[FileDigest]) -> set[FileDigest]:
        """Return those of the files whose bytes are kept already."""
        if self._writer is not None:
            return self._writer.has_files(digests)
        return set(self._context.index.known_files(digests))

    def finish(self) -> Staged:
        """Make everything received durable and say where it is."""
        return Staged(()) if self._writer is None else self._writer.finish()

    def __enter__(self) -> Self:
        """Return itself; leaving the block gives up what was not published."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Let the writer go."""
        if self._writer is not None:
            self._writer.abort()

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
