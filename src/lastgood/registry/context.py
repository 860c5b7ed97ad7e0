"""What every verb of an embedded registry works with: its catalog, its bytes, and time and randomness passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lastgood.catalog.database import Database, Session
from lastgood.catalog.placement import CatalogIndex
from lastgood.catalog.records import Appender
from lastgood.clock import Clock
from lastgood.ids import OperationId, PipelineName
from lastgood.model.operation import Entropy, Operation, new_operation_id
from lastgood.model.revision import LocalZone
from lastgood.registry.gate_memory import GateMemory
from lastgood.store.backend import Backend

if TYPE_CHECKING:
    from lastgood.registry.sealing import Sealing


def no_warning(what: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Context:
    """An open embedded registry.

    Attributes:
        folder: its `.lastgood` folder.
        database: its catalog.
        backend: its packs.
        clock: the registry's clock.
        entropy: where random bytes come from.
        zone: which zone a time without one is in.
        actor: says who acts; asked only when something changes.
        accept_clock: whether a clock that went back is accepted.
        pipeline: the pipeline that is meant where none is named, if it is known.
        cache_size: how many bytes the checkout cache may take, if that is said; 0 for no cache.
        memory: where this user's machine remembers histories; None for nowhere.
        warn: told what went wrong after a change stood.
        gate_memory: what was read for the gates of its environments.
    """

    folder: Path
    database: Database
    backend: Backend
    clock: Clock
    entropy: Entropy
    zone: LocalZone
    actor: Callable[[], str]
    accept_clock: bool
    pipeline: PipelineName | None
    cache_size: int | None = None
    memory: Path | None = None
    warn: Callable[[str], None] = no_warning
    gate_memory: GateMemory = field(default_factory=GateMemory, compare=False, repr=False)

    @property
    def sealing(self) -> Sealing:
        """Signs the history."""
        from lastgood.registry.memory import Memory  # noqa: PLC0415 - as below
        from lastgood.registry.sealing import Sealing  # noqa: PLC0415 - only what changes something signs

        return Sealing(self.folder, self.entropy, Memory(self.memory, self.folder), self.warn)

    @property
    def index(self) -> CatalogIndex:
        """Where bytes are."""
        return CatalogIndex(self.database)

    def operation(self, operation: OperationId | None) -> Operation:
        """Return the operation of a change: a given id, or a new one."""
        return Operation(operation or new_operation_id(self.entropy), self.actor(), self.accept_clock)

    @contextmanager
    def changing(self, operation: Operation) -> Iterator[tuple[Session, Appender]]:
        """Give a writing session and the appender of one operation; afterwards the history is signed (`registry.sealing`).

        Raises:
            NotFound, NotAllowed, Integrity: the signing key cannot be used; nothing was changed.
            Unsealed: the change stands, and could not be signed.
        """
        sealing = self.sealing
        with self.database.writing() as session:
            ledger = Appender(session, operation, self.clock, self.entropy)
            with sealing.changing(session, ledger):
                yield session, ledger
        sealing.seal(self.database)
