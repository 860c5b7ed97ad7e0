"""A backend that goes wrong at chosen operations: a wrapper around any other, for tests of whatever stands on it.

What it can do to an operation:

- `Fail`: answer with a named error, before anything is done or after all of it;
- `Tear`: keep, or give back, only the first part of the bytes;
- `Reorder`: acknowledge it, and carry it out only after some later ones; `settle` carries out all that waits, in an order
  that is drawn, and `cut_power` forgets it;
- `Delay`: take its time;
- `Lie`: acknowledge without doing anything, or give other bytes than those that are kept, and say nothing.

When, is what a `Plan` says: at an operation's number (`at`), or drawn from a seed (`at_random`); a plan of one's own is any
function of an `Operation`. What a disk forgets when the power goes, and so whether a backend syncs what it must, is shown
by `lastgood.testing.durability`.

    >>> from lastgood.store.backend.memory import MemoryBackend
    >>> backend = FaultyBackend(MemoryBackend(), at({1: Fail(StorageFull), 3: Lie()}))
    >>> backend.put("packs/a", [b"abc"])
    >>> backend.put("packs/b", [b"abc"])
    Traceback (most recent call last):
    lastgood.errors.StorageFull: put packs/b: the fault that was asked for; nothing of it was done
    >>> backend.read("packs/a", 0, 3), backend.read("packs/a", 0, 3), [one.verb.value for one in backend.operations]
    (b'abc', b'abb', ['put', 'put', 'read', 'read'])
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lastgood.errors import Integrity, LastgoodError, NotAllowed, NotFound, ReadOnly, StorageFull, Unavailable
from lastgood.store.backend import Backend, Piece, check_name


class Verb(StrEnum):
    """What is asked of a backend."""

    PUT = "put"
    READ = "read"
    SIZE = "size"
    NAMES = "names"
    DELETE = "delete"

    @property
    def writes(self) -> bool:
        """Whether it changes what is kept."""
        return self in {Verb.PUT, Verb.DELETE}


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of a backend: the how-manieth of all, from 0, what was asked, and of which name or folder."""

    number: int
    verb: Verb
    name: str


@dataclass(frozen=True, slots=True)
class Fail:
    """Answer with an error.

    Attributes:
        error: its class, one of those that the protocol names.
        is_done: whether the operation is carried out all the same, as when only the answer is lost.
    """

    error: type[LastgoodError] = Unavailable
    is_done: bool = False


@dataclass(frozen=True, slots=True)
class Tear:
    """Do a part, and say nothing: a put keeps the first bytes only, a read gives the first bytes only.

    Attributes:
        kept: how large a part, from 0 to 1. Of an operation without bytes, nothing is done.
    """

    kept: float = 0.5


@dataclass(frozen=True, slots=True)
class Reorder:
    """Acknowledge a put or a delete, and carry it out when so many others are done and one more begins; reads are as ever."""

    after: int = 1


@dataclass(frozen=True, slots=True)
class Delay:
    """Wait so many seconds first."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Lie:
    """Acknowledge a put or a delete and do nothing; read with one bit changed, a size that is off by one, a name too few."""


Fault = Fail | Tear | Reorder | Delay | Lie

Plan = Callable[[Operation], Fault | None]
"""Says what goes wrong with an operation, if anything does."""

WRITE_ERRORS: tuple[type[LastgoodError], ...] = (StorageFull, ReadOnly, Unavailable)
"""The errors that a put or a delete may answer with."""

READ_ERRORS: tuple[type[LastgoodError], ...] = (NotFound, Integrity, NotAllowed, Unavailable)
"""The errors that a read, a size or a list of names may answer with."""


def nothing(_operation: Operation) -> None:
    """Plan nothing: the wrapper then keeps every promise that the backend in it keeps."""


def at(faults: Mapping[int, Fault]) -> Plan:
    """Plan faults by the numbers of operations."""
    return lambda operation: faults.get(operation.number)


def at_random(chance: random.Random, share: float, faults: Sequence[Fault] = ()) -> Plan:
    """Plan faults that are drawn.

    Args:
        chance: draws them; one seed makes one plan, for one order of operations.
        share: how many of all operations go wrong, from 0 to 1.
        faults: what may go wrong; by default every error and everything that a backend can learn of, but no lies.
    """

    def plan(operation: Operation) -> Fault | None:
        if chance.random() >= share:
            return None
        return chance.choice(faults or _honest_faults(operation.verb))

    return plan


def _honest_faults(verb: Verb) -> Sequence[Fault]:
    errors = WRITE_ERRORS if verb.writes else READ_ERRORS
    return [*(Fail(error) for error in errors), Fail(is_done=True), Delay(0.001)]


class FaultyBackend:
    """Passes operations on to a backend, but for what a plan says; threads may share it.

    A subclass may add faults of its own by overriding the five operations.

    Args:
        backend: keeps the bytes.
        plan: what goes wrong, and when.
        chance: draws the order in which `settle` carries out what waits.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        backend: Backend,
        plan: Plan = nothing,
        *,
        chance: random.Random | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.operations: list[Operation] = []
        self._backend = backend
        self._plan = plan
        self._chance = chance
        self._sleep = sleep
        self._waiting: list[tuple[int, Callable[[], None]]] = []
        self._lock = threading.RLock()

    def put(self, name: str, pieces: Sequence[Piece]) -> None:
        """Keep the pieces under a name, if nothing goes wrong."""
        match self._begin(Verb.PUT, name):
            case Fail() as fault:
                self._fail(fault, f"put {name}", lambda: self._backend.put(name, pieces))
            case Tear(kept):
                data = b"".join(pieces)
                self._backend.put(name, [data[: int(len(data) * kept)]])
            case Reorder(after):
                data = b"".join(pieces)
                self._wait(after, lambda: self._backend.put(name, [data]))
            case Lie():
                pass
            case _:
                self._backend.put(name, pieces)

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return bytes, if nothing goes wrong."""
        fault = self._begin(Verb.READ, name)
        if isinstance(fault, Fail):
            raise self._error(fault, f"read {name}")
        data = self._backend.read(name, offset, length)
        match fault:
            case Tear(kept):
                return data[: int(length * kept)]
            case Lie() if data:
                return data[:-1] + bytes([data[-1] ^ 1])
            case _:
                return data

    def size(self, name: str) -> int:
        """Return how many bytes are kept under a name, if nothing goes wrong."""
        fault = self._begin(Verb.SIZE, name)
        if isinstance(fault, Fail):
            raise self._error(fault, f"size {name}")
        size = self._backend.size(name)
        match fault:
            case Tear(kept):
                return int(size * kept)
            case Lie():
                return size + 1
            case _:
                return size

    def names(self, folder: str) -> Iterator[str]:
        """Yield every name in a folder, in order, if nothing goes wrong."""
        fault = self._begin(Verb.NAMES, folder)
        if isinstance(fault, Fail):
            raise self._error(fault, f"names {folder}")
        names = self._backend.names(folder)
        match fault:
            case Tear(kept):
                found = list(names)
                return iter(found[: int(len(found) * kept)])
            case Lie():
                return iter(list(names)[1:])
            case _:
                return names

    def delete(self, name: str) -> None:
        """Take a name away, if nothing goes wrong."""
        match self._begin(Verb.DELETE, name):
            case Fail() as fault:
                self._fail(fault, f"delete {name}", lambda: self._backend.delete(name))
            case Reorder(after):
                self._wait(after, lambda: self._backend.delete(name))
            case Tear() | Lie():
                pass
            case _:
                self._backend.delete(name)

    def settle(self) -> None:
        """Carry out everything that was acknowledged and waits, in an order that is drawn."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            if self._chance is not None:
                self._chance.shuffle(waiting)
        for _, action in waiting:
            action()

    def cut_power(self) -> None:
        """Forget everything that was acknowledged and waits."""
        with self._lock:
            self._waiting.clear()

    def _begin(self, verb: Verb, name: str) -> Fault | None:
        check_name(name)
        with self._lock:
            operation = Operation(len(self.operations), verb, name)
            self.operations.append(operation)
            due = [action for number, action in self._waiting if number <= operation.number]
            self._waiting = [one for one in self._waiting if one[0] > operation.number]
            fault = self._plan(operation)
        for action in due:
            action()
        if isinstance(fault, Delay):
            self._sleep(fault.seconds)
        return fault

    def _wait(self, after: int, action: Callable[[], None]) -> None:
        with self._lock:
            # The operation itself has been counted, so what comes next has the number of how many there were.
            self._waiting.append((len(self.operations) + after, action))

    def _fail(self, fault: Fail, what: str, action: Callable[[], None]) -> None:
        if fault.is_done:
            action()
        raise self._error(fault, what)

    def _error(self, fault: Fail, what: str) -> LastgoodError:
        how = "it was done all the same" if fault.is_done else "nothing of it was done"
        return fault.error(f"{what}: the fault that was asked for; {how}")
