"""A registry with large files, and what a test does to the cache that checkouts of it fill.

shelf = Shelf(root)
shelf.checkout("r1")                  # checked bit for bit, whatever was done to the cache; says where files came from
shelf.entry("models/a.bin")           # the file of the cache
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import lastgood
from lastgood.ids import FileDigest
from lastgood.registry.checkout import CheckedOut

WORKSPACE = """\
pipeline = "bot"

[components.models]
kind = "artifact"
path = "models/"

[components.prompts]
kind = "prompt"
path = "prompts/"
"""
LENGTH = 1_500_000
LARGE = {"models/a.bin": 1, "models/b.bin": 2, "models/tool": 3}
"""The large files of a release, and what their bytes are made of."""


def bytes_of(seed: int, release: int) -> bytes:
    """Return the bytes of a large file: each seed and release has its own."""
    return (f"{seed}.{release}|".encode() * LENGTH)[:LENGTH]


def build(root: Path, releases: int = 1) -> None:
    """Make a registry with releases whose files all differ."""
    for folder in ("models", "prompts"):
        (root / folder).mkdir(parents=True)
    (root / "lastgood.toml").write_text(WORKSPACE)
    (root / "prompts/system.md").write_text("Cite the policy.\n")
    with lastgood.init(root, actor="ana") as registry:
        for release in range(1, releases + 1):
            for path, seed in LARGE.items():
                (root / path).write_bytes(bytes_of(seed, release))
            (root / "models/tool").chmod(0o755)
            registry.commit(root, message=str(release))


@dataclass
class Shelf:
    """A registry and its cache."""

    root: Path
    number: count[int] = field(default_factory=count)

    @property
    def cache(self) -> Path:
        """The folder of the cache."""
        return self.root / ".lastgood/cache"

    def checkout(self, revision: str = "r1", *, link: bool = False, verify: bool = False, to: Path | None = None) -> CheckedOut:
        """Check a release out, find every byte of it right, and take it away again, unless it has a place to stay."""
        out = to or self.root.parent / f"out-{next(self.number)}"
        with lastgood.open(self.root, actor="ana") as registry:
            done = registry.checkout(revision, out, link=link, verify=verify)
        check(out, int(revision[1:]))
        if to is None:
            shutil.rmtree(out)
        return done

    def entry(self, path: str, release: int = 1) -> Path:
        """Return where the cache has a file."""
        mode = "exec" if path.endswith("tool") else "file"
        return self.cache / f"{FileDigest.of(bytes_of(LARGE[path], release))}.{mode}"

    def seal(self, path: str) -> Path:
        """Return where the seal of a file is."""
        entry = self.entry(path)
        return entry.with_name(entry.name + ".seal")

    def names(self) -> set[str]:
        """Return what is in the cache, without seals."""
        return {one.name for one in self.cache.iterdir() if not one.name.endswith(".seal")}

    def reseal(self, path: str, **other: int) -> None:
        """Make the seal of a file say that it is right as it is, or that it was right at another time or place."""
        sealed = json.loads(self.seal(path).read_text())
        found = self.entry(path).stat()
        sealed["facts"] = {
            "size": found.st_size,
            "inode": found.st_ino,
            "modified": found.st_mtime_ns,
            "changed": found.st_ctime_ns,
        }
        self.seal(path).write_text(json.dumps(sealed | other))


def check(out: Path, release: int) -> None:
    """See that a release was checked out bit for bit."""
    for path, seed in LARGE.items():
        assert (out / path).read_bytes() == bytes_of(seed, release), f"{path} is wrong"
        assert not (out / path).is_symlink()
        assert os.access(out / path, os.X_OK) == path.endswith("tool")
    assert (out / "prompts/system.md").read_text() == "Cite the policy.\n"


def flip(path: Path) -> None:
    """Flip a bit in the middle of a file, in place, whatever its mode."""
    mode = path.stat().st_mode
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(LENGTH // 2)
        byte = file.read(1)[0]
        file.seek(LENGTH // 2)
        file.write(bytes([byte ^ 1]))
    path.chmod(mode)
