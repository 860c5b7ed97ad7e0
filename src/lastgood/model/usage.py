"""How many bytes somebody takes, and what all files of a registry's folder take, sorted by what they are for.

Rule: the sorts of `FolderBytes` add up to the bytes of every file in the folder, exactly.

    >>> Bytes(logical=100, deduplicated=40, stored=20, unique=5).shared
    15
    >>> FolderBytes(needed=20, footers=3, catalog=7).total
    30
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Bytes:
    """What a release, a component or a pipeline takes.

    Attributes:
        logical: the bytes of the files, each time that a release has them.
        deduplicated: the bytes of the chunks that these are made of, each counted once.
        stored: the encoded bytes of these and of all that they stand on.
        unique: those of them that nobody else of its sort needs.
        brought: those of them that nobody needed before.
    """

    logical: int = 0
    deduplicated: int = 0
    stored: int = 0
    unique: int = 0
    brought: int = 0

    @property
    def shared(self) -> int:
        """The stored bytes that somebody else needs as well."""
        return self.stored - self.unique


@dataclass(frozen=True, slots=True)
class FolderBytes:
    """The bytes of every file in a registry's folder.

    Attributes:
        needed: frames, or shares of them, of what releases need.
        waiting: those of what nothing needs and the collector has not taken yet.
        dead: those of what the collector took, in packs that it did not rewrite.
        footers: what makes packs describe themselves.
        orphans: packs that no catalog knows, such as those of killed commits.
        quarantine: damaged packs that a repair put aside.
        damage: by how much packs are longer than the index says, or shorter; 0 where nothing is wrong.
        catalog: the catalog: history, what follows from it, and the index.
        cache: the checkout cache.
        others: everything else, such as keys and what is being written.
    """

    needed: int = 0
    waiting: int = 0
    dead: int = 0
    footers: int = 0
    orphans: int = 0
    quarantine: int = 0
    damage: int = 0
    catalog: int = 0
    cache: int = 0
    others: int = 0

    @property
    def packs(self) -> int:
        """The bytes of the packs that the catalog knows."""
        return self.needed + self.waiting + self.dead + self.footers + self.damage

    @property
    def total(self) -> int:
        """All of them."""
        return self.packs + self.orphans + self.quarantine + self.catalog + self.cache + self.others

    def sorts(self) -> dict[str, int]:
        """Return the sorts by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(frozen=True, slots=True)
class EncodedBytes:
    """What is needed and written in one encoding: its decoded bytes, and those that it takes."""

    encoding: str
    raw: int
    stored: int
