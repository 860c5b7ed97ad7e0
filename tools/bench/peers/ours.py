"""lastgood itself."""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.bench.clock import Command, run
from tools.bench.peers.base import WORKSPACE, Repository, Series
from tools.bench.setup import version_of
from tools.bench.tree import Bytes, bytes_of

PROGRAM = Path(sysconfig.get_path("scripts")) / "lastgood"
# Whole files as they were restored last, so that the next restore is a copy: no part of what is kept.
CACHE = "cache"


@dataclass(frozen=True, slots=True)
class Ours(Repository):
    """lastgood: everything in `.lastgood` counts, catalog included, but for the cache of whole files."""

    name: str = "lastgood"

    def version(self) -> str | None:
        """Ask the program."""
        return version_of([PROGRAM, "--version"])

    def prepare(self, place: Path, series: Series) -> None:
        """Begin a registry with one component."""
        kind = "code" if series.small else "dataset" if series.table else "artifact"
        component = f'[components.data]\nkind = "{kind}"\npath = "{WORKSPACE}/"\n'
        (place / "lastgood.toml").write_text(f'pipeline = "{series.name}"\n\n{component}')
        run([PROGRAM, "init"], cwd=place, env=self.environment(place))

    def commit(self, place: Path, number: int) -> Sequence[Command]:
        """Commit."""
        return [[PROGRAM, "commit", "-m", f"version {number}"]]

    def restore(self, place: Path, number: int) -> Sequence[Command]:
        """Check a release out."""
        return [[PROGRAM, "checkout", f"r{number}", "out"]]

    def before_restore(self, place: Path) -> None:
        """Drop the cache of whole files."""
        shutil.rmtree(place / "out", ignore_errors=True)
        shutil.rmtree(place / ".lastgood" / CACHE, ignore_errors=True)

    def environment(self, place: Path) -> Mapping[str, str]:
        """Say who acts."""
        return {**Repository.environment(self, place), "LASTGOOD_ACTOR": "bench@example.org"}

    def stored(self, place: Path) -> Bytes:
        """Add up the registry."""
        return bytes_of(place / ".lastgood", leave_out={CACHE})
