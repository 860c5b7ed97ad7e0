"""Puts damaged packs out of the way: never read again, and deleted by a purge only, named after what they were.

packs/ab/abcd….pack  ->  quarantine/abcd….pack, or quarantine/abcd….1.pack where there is one of that name

>>> from lastgood.store.backend.memory import MemoryBackend
>>> backend = MemoryBackend()
>>> backend.put("packs/ab/abcd.pack", [b"torn"])
>>> set_aside(backend, "packs/ab/abcd.pack"), list(backend.names("packs"))
('quarantine/abcd.pack', [])
"""

from __future__ import annotations

from itertools import count
from typing import Protocol, runtime_checkable

from lastgood.store.backend import Backend
from lastgood.store.pack import QUARANTINE


@runtime_checkable
class Mover(Protocol):
    """A backend that can give what it keeps another name without reading it."""

    def move(self, name: str, to: str) -> None:
        """Give what is kept under a name another one; durable, and at no moment is it under neither.

        Raises:
            NotFound: nothing of that name is kept.
            ReadOnly, StorageFull, Unavailable: it stays where it is.
        """
        ...


def set_aside(backend: Backend, name: str) -> str:
    """Move what is kept under a pack's name to the quarantine, and return its name there."""
    taken = set(backend.names(QUARANTINE))
    stem = name.rpartition("/")[2].removesuffix(".pack")
    names = (f"{QUARANTINE}/{stem}{'' if number == 0 else f'.{number}'}.pack" for number in count())
    to = next(one for one in names if one not in taken)
    rename(backend, name, to)
    return to


def rename(backend: Backend, name: str, to: str) -> None:
    """Give what is kept under a name another one; where a backend cannot do that, it is copied before it is deleted."""
    if isinstance(backend, Mover):
        backend.move(name, to)
        return
    backend.put(to, [backend.read(name, 0, backend.size(name))])
    backend.delete(name)
