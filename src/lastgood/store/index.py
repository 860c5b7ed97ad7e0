"""Rebuilding the index: everything it knows stands in the packs' footers.

The index itself is kept elsewhere (`lastgood.model.placement.PlacementIndex` is what the store asks of it) and may be thrown
away at any time; `scan_packs` finds what it would hold. One damaged pack does not hide the others. Whoever takes the result
in must leave out file maps that name a chunk which no pack has: packs can outlive one another.

    >>> from lastgood.store.backend.memory import MemoryBackend
    >>> list(scan_packs(MemoryBackend()))
    []
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from lastgood.errors import Integrity, InvalidName, NewerSchema
from lastgood.ids import PackId
from lastgood.model.placement import PackContents
from lastgood.store.backend import Shelf, Source
from lastgood.store.pack import FOLDER, pack_name, read_footer


class PackShelf(Source, Shelf, Protocol):
    """A backend whose packs can be listed and read."""


def scan_packs(backend: PackShelf) -> Iterator[PackContents | Integrity | NewerSchema]:
    """Yield, for each thing in the packs' folder, what the pack holds or what is wrong with it.

    Raises:
        NotAllowed, Unavailable: the backend does not answer, so the scan is not complete.
    """
    for name in backend.names(FOLDER):
        try:
            yield read_footer(backend, parse_pack_name(name))
        except (Integrity, NewerSchema) as error:
            yield error


def parse_pack_name(name: str) -> PackId:
    """Return which pack a name in a backend stands for.

    Raises:
        Integrity: no pack has such a name.
    """
    try:
        pack = PackId.parse(name.rpartition("/")[2].removesuffix(".pack"))
    except InvalidName:
        pack = None
    if pack is None or pack_name(pack) != name:
        raise Integrity(f"{name!r} does not have a pack's name; it was left alone", details={"name": name})
    return pack
