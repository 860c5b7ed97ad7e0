"""What goes by Git: Git LFS, Git itself for small files, and DVC."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.bench.clock import Command, run
from tools.bench.peers.base import WORKSPACE, Repository, Series
from tools.bench.setup import BIN, version_of
from tools.bench.tree import Bytes, bytes_of

_WHO = {
    f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "bench"), ("EMAIL", "bench@example.org"))
}


def _commit(number: int) -> list[Command]:
    """Commit what was added; with nothing changed there is nothing to commit, and that is no failure."""
    return [["git", "commit", "--quiet", "--allow-empty", "-m", f"version {number}"], ["git", "tag", "--force", f"v{number}"]]


@dataclass(frozen=True, slots=True)
class GitLfs(Repository):
    """Git LFS: large files beside Git, whole. Everything under `.git` counts."""

    name: str = "Git LFS"

    def version(self) -> str | None:
        """Ask the program."""
        return version_of(["git", "lfs", "version"])

    def suits(self, series: Series) -> bool:
        """Only what is large goes to LFS."""
        return not series.small

    def prepare(self, place: Path, series: Series) -> None:
        """Make a repository that tracks the workspace's files with LFS."""
        run(["git", "init", "--quiet"], cwd=place, env=self.environment(place))
        run(["git", "lfs", "install", "--local"], cwd=place, env=self.environment(place))
        (place / ".gitattributes").write_text(f"{WORKSPACE}/** filter=lfs diff=lfs merge=lfs -text\n")
        # Committed with the first version: a checkout elsewhere reads it from there.
        run(["git", "add", ".gitattributes"], cwd=place, env=self.environment(place))

    def commit(self, place: Path, number: int) -> Sequence[Command]:
        """Add and commit."""
        return [["git", "add", WORKSPACE], *_commit(number)]

    def restore(self, place: Path, number: int) -> Sequence[Command]:
        """Check the commit out beside the workspace."""
        return [["git", "worktree", "add", "--quiet", "--force", "--detach", "out", f"v{number}"]]

    def before_restore(self, place: Path) -> None:
        """Drop the last restore."""
        shutil.rmtree(place / "out", ignore_errors=True)

    def environment(self, place: Path) -> Mapping[str, str]:
        """Say who commits."""
        return {**Repository.environment(self, place), **_WHO, "GIT_CONFIG_NOSYSTEM": "1"}

    def stored(self, place: Path) -> Bytes:
        """Add up Git's folder."""
        return bytes_of(place / ".git")


@dataclass(frozen=True, slots=True)
class Git(GitLfs):
    """Git alone, for files as it was made for. Nothing is repacked: that is what a user has after some commits."""

    name: str = "git"

    def version(self) -> str | None:
        """Ask the program."""
        return version_of(["git", "--version"])

    def suits(self, series: Series) -> bool:
        """Only small files."""
        return series.small

    def prepare(self, place: Path, series: Series) -> None:
        """Make a repository."""
        run(["git", "init", "--quiet"], cwd=place, env=self.environment(place))


@dataclass(frozen=True, slots=True)
class Dvc(GitLfs):
    """DVC: whole files in its cache, named in Git. `.dvc/cache` and `.git` count."""

    name: str = "DVC"

    def version(self) -> str | None:
        """Ask the program."""
        found = version_of([BIN / "dvc", "--version"])
        return found and f"DVC {found}"

    def suits(self, series: Series) -> bool:
        """Any series."""
        return True

    def prepare(self, place: Path, series: Series) -> None:
        """Make a repository that sends nobody word of its use."""
        env = self.environment(place)
        run(["git", "init", "--quiet"], cwd=place, env=env)
        run([BIN / "dvc", "init", "--quiet"], cwd=place, env=env)
        run([BIN / "dvc", "config", "core.analytics", "false"], cwd=place, env=env)

    def commit(self, place: Path, number: int) -> Sequence[Command]:
        """Add the folder, then commit the file that names it."""
        named = [".dvc", f"{WORKSPACE}.dvc", ".gitignore"]
        return [[BIN / "dvc", "add", "--quiet", WORKSPACE], ["git", "add", *named], *_commit(number)]

    def restore(self, place: Path, number: int) -> Sequence[Command]:
        """Take the file that names the folder out of Git, then the folder out of the cache."""
        return [
            ["git", "checkout", "--quiet", f"v{number}", "--", f"{WORKSPACE}.dvc"],
            [BIN / "dvc", "checkout", "--quiet", f"{WORKSPACE}.dvc"],
        ]

    def before_restore(self, place: Path) -> None:
        """DVC restores in place: clear the workspace."""
        shutil.rmtree(place / WORKSPACE, ignore_errors=True)

    def restored(self, place: Path) -> Path:
        """In place."""
        return place / WORKSPACE

    def environment(self, place: Path) -> Mapping[str, str]:
        """Keep its databases in the place."""
        mine = {"DVC_SITE_CACHE_DIR": str(place / "site"), "DVC_GLOBAL_CONFIG_DIR": str(place / "config"), "DVC_NO_ANALYTICS": "1"}
        return {**GitLfs.environment(self, place), **mine}

    def stored(self, place: Path) -> Bytes:
        """Add up the cache and Git's folder."""
        cache, git = bytes_of(place / ".dvc" / "cache"), bytes_of(place / ".git")
        return Bytes(cache.length + git.length, cache.allocated + git.allocated)
