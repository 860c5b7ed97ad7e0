"""The backup programs that find repeated chunks: restic and borg."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.bench.clock import Command, run
from tools.bench.peers.base import WORKSPACE, Repository, Series
from tools.bench.setup import version_of


@dataclass(frozen=True, slots=True)
class Restic(Repository):
    """restic with its defaults: encrypted, zstd at its `auto` level. Its local cache does not count."""

    name: str = "restic"

    def version(self) -> str | None:
        """Ask the program."""
        return version_of(["restic", "version"])

    def prepare(self, place: Path, series: Series) -> None:
        """Make a repository."""
        run(["restic", "init"], cwd=place, env=self.environment(place))

    def commit(self, place: Path, number: int) -> Sequence[Command]:
        """Back up."""
        return [["restic", "backup", "--quiet", "--tag", f"v{number}", WORKSPACE]]

    def restore(self, place: Path, number: int) -> Sequence[Command]:
        """Restore the snapshot of that version."""
        return [["restic", "restore", "latest", "--tag", f"v{number}", "--target", "out"]]

    def before_restore(self, place: Path) -> None:
        """Drop the last restore."""
        shutil.rmtree(place / "out", ignore_errors=True)

    def restored(self, place: Path) -> Path:
        """Below the whole path from the root, in some versions."""
        below = place / "out" / WORKSPACE
        return below if below.is_dir() else place / "out" / place.relative_to("/") / WORKSPACE

    def environment(self, place: Path) -> Mapping[str, str]:
        """Name the repository, and give the password that it insists on."""
        mine = {"RESTIC_REPOSITORY": "store", "RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": str(place / "cache")}
        return {**Repository.environment(self, place), **mine}


@dataclass(frozen=True, slots=True)
class Borg(Repository):
    """borg without encryption. Its cache of what it saw does not count."""

    compression: str = "zstd"

    @property
    def name(self) -> str:
        """Say which compression."""
        return f"borg {self.compression}"

    def version(self) -> str | None:
        """Ask the program."""
        return version_of(["borg", "--version"])

    def prepare(self, place: Path, series: Series) -> None:
        """Make a repository."""
        run(["borg", "init", "--encryption", "none", "store"], cwd=place, env=self.environment(place))

    def commit(self, place: Path, number: int) -> Sequence[Command]:
        """Create an archive."""
        return [["borg", "create", "--compression", self.compression, f"store::v{number}", WORKSPACE]]

    def restore(self, place: Path, number: int) -> Sequence[Command]:
        """Extract an archive; borg extracts into the folder it runs in."""
        return [["sh", "-c", f"mkdir out && cd out && exec borg extract '{place / 'store'}::v{number}'"]]

    def before_restore(self, place: Path) -> None:
        """Drop the last restore."""
        shutil.rmtree(place / "out", ignore_errors=True)

    def environment(self, place: Path) -> Mapping[str, str]:
        """Keep its caches in the place, and its questions to itself."""
        mine = {"BORG_BASE_DIR": str(place / "base"), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
        return {**Repository.environment(self, place), **mine}
