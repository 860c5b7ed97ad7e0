"""What a peer is to the bench: programs to run in a place of its own, and a folder whose bytes count.

A place is an empty folder. The workspace is its folder `data`, where the bench lays each version; everything else in the
place is the peer's. A peer never sees another's place, and keeps its caches in its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tools.bench.clock import Command
from tools.bench.tree import Bytes, bytes_of

WORKSPACE = "data"


@dataclass(frozen=True, slots=True)
class Series:
    """A series to be committed: the folders of its versions, and what kind of files they are."""

    name: str
    versions: tuple[Path, ...]
    # The width of what the files are made of, where they are tensors: `float32` or `bfloat16`.
    floats: str | None = None
    # Rows of a data set.
    table: bool = False
    # Many small files of source text, which Git keeps itself.
    small: bool = False


class Peer(Protocol):
    """A program that keeps versions of a folder."""

    @property
    def name(self) -> str:
        """Name it as the tables do."""

    def version(self) -> str | None:
        """Say which version of the program is here; `None` where it is not installed."""

    def suits(self, series: Series) -> bool:
        """Say whether a user would keep such files with it."""

    def prepare(self, place: Path, series: Series) -> None:
        """Make a repository in a place; not timed."""

    def commit(self, place: Path, number: int) -> Sequence[Command]:
        """Return what commits the workspace as version `number`, run in the place."""

    def restore(self, place: Path, number: int) -> Sequence[Command]:
        """Return what writes version `number` into the place, where `restored` says; run in the place."""

    def before_restore(self, place: Path) -> None:
        """Make room for a restore, and drop the peer's own cache of whole files; not timed."""

    def restored(self, place: Path) -> Path:
        """Name the folder that a restore writes, which is the workspace's equal."""

    def environment(self, place: Path) -> Mapping[str, str]:
        """Return the variables its programs run with: its caches and its settings stay in the place."""

    def stored(self, place: Path) -> Bytes:
        """Add up the repository."""


@dataclass(frozen=True, slots=True)
class Repository:
    """What most peers have alike: a repository in one folder of the place, and restores into `out`."""

    def suits(self, series: Series) -> bool:
        """Any series, unless the peer says otherwise."""
        return True

    def before_restore(self, place: Path) -> None:
        """Restore into a folder that is not there yet."""

    def restored(self, place: Path) -> Path:
        """Restores write the workspace's folder again, below `out`."""
        return place / "out" / WORKSPACE

    def environment(self, place: Path) -> Mapping[str, str]:
        """Keep whatever looks for a home in the place."""
        return {"HOME": str(place), "XDG_CACHE_HOME": str(place / "cache"), "XDG_CONFIG_HOME": str(place / "config")}

    def stored(self, place: Path) -> Bytes:
        """The repository is the folder `store`."""
        return bytes_of(place / "store")
