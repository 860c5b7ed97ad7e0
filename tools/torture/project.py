"""The pipeline that is tortured: a workspace with its registry and a live folder, and what it must hold.

Commands run in processes of their own that are forked from this one, which has imported everything already: a fault then
hits lastgood's work and not Python's start, and hundreds of commands a minute can be tried.

Whoever uses it notes what was acknowledged (`remember`); `oracle` says whether it still is so.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import pkgutil
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lastgood

SMALL_FILES = 12
FEW_WEIGHTS, MANY_WEIGHTS = 10_000, 170_000
"""How many weights each tensor has: a file that is taken as a whole, and one that is read in windows."""

ACTOR = "torture"

_ENVIRONMENT = {"LASTGOOD_ACTOR": ACTOR, "NO_COLOR": "1", "COLUMNS": "100", "LANG": "C.UTF-8", "HOME": "/nonexistent", "PATH": os.defpath}
# What is imported when it is first needed.
_LATE = ("blake3", "numpy", "pyfastcdc", "rich.console", "rich.table", "zstandard")

COMPONENTS = """\
pipeline = "bot"
[components.prompts]
kind = "prompt"
path = "prompts/"
[components.weights]
kind = "artifact"
path = "models/"
[components.routing]
kind = "config"
path = "config.json"
"""
_LIVE = """\
[environments.prod]
live = "run/prod"
"""

Files = dict[str, str]
"""The SHA-256 of each file of a release, by path."""


def warm_up() -> None:
    """Import everything that a command may need, so that its process only does its work."""
    for found in pkgutil.walk_packages(lastgood.__path__, "lastgood."):
        if not any(part in found.name for part in (".testing", ".migrations", ".demonstration", "__main__")):
            importlib.import_module(found.name)
    for name in _LATE:
        importlib.import_module(name)
    os.environ.clear()
    os.environ.update(_ENVIRONMENT)
    # What git says of a workspace is provenance: a commit goes on without it, and here it starts no other program.
    importlib.import_module("lastgood.workspace.observe").__dict__["_git"] = lambda *_: None


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended: its exit code, negative of a signal, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The JSON that it printed; nothing where it printed none."""
        with suppress(ValueError):
            found = json.loads(self.out)
            return found if isinstance(found, dict) else {}
        return {}

    @property
    def kind(self) -> str:
        """The kind of its error, or nothing."""
        return str(self.answer.get("error", {}).get("kind", ""))


@dataclass
class Project:
    """One workspace with its registry in a folder, or with another's; `beside` holds what is not under fire."""

    folder: Path
    beside: Path
    chance: random.Random
    weights: int = FEW_WEIGHTS
    registry: Path | None = None
    releases: dict[str, Files] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    turn: int = 0

    def prepare(self) -> None:
        """Make the workspace, its registry and three releases, the last of which is live."""
        self.fill()
        self.must("init")
        for _ in range(3):
            self.edit()
            self.commit()
            self.must("deploy", "prod")

    def fill(self) -> None:
        """Make the workspace alone."""
        self.beside.mkdir(parents=True, exist_ok=True)
        for folder in ("prompts", "models"):
            (self.folder / folder).mkdir(parents=True)
        (self.folder / "lastgood.toml").write_text(COMPONENTS + _LIVE)
        for number in range(SMALL_FILES):
            (self.folder / f"models/{number}.bin").write_bytes(self.chance.randbytes(self.chance.randrange(20_000)))
        write_tensors(self.folder / "models/weights.safetensors", self.weights, self.chance)

    def edit(self) -> None:
        """Change the workspace a little, and so that all kinds of writing are needed: a text, a file, some weights."""
        self.turn += 1
        (self.folder / "prompts/system.md").write_text(f"Cite the policy, version {self.turn}.\n" * 20)
        (self.folder / "config.json").write_text(json.dumps({"temperature": self.turn / 100, "routes": {"a": self.turn}}))
        (self.folder / f"models/{self.turn % SMALL_FILES}.bin").write_bytes(self.chance.randbytes(3_000))
        nudge_tensors(self.folder / "models/weights.safetensors", self.chance)

    def commit(self) -> str:
        """Commit without a fault, and remember what was committed."""
        ran = self.must("commit", "-m", f"turn {self.turn}", "--json")
        release = str(ran.answer["release"])
        self.remember(release)
        return release

    def remember(self, release: str) -> None:
        """Note that a release of what is in the workspace now was acknowledged."""
        self.releases[release] = self.workspace_files()

    def workspace_files(self) -> Files:
        """Return the digests of the files that a commit takes."""
        paths = [self.folder / name for name in ("lastgood.toml", "config.json")]
        paths += [path for folder in ("prompts", "models") for path in (self.folder / folder).rglob("*") if path.is_file()]
        return {str(path.relative_to(self.folder)): _digest(path) for path in paths}

    def fork(self, *arguments: str, first: Callable[[], object] = lambda: None) -> int:
        """Start a command in a process of its own, after doing something in it first; return its number."""
        child = os.fork()
        if child:
            return child
        code = 99
        try:
            for number, name in ((1, "out"), (2, "err")):
                opened = os.open(self.beside / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
                os.dup2(opened, number)
                os.close(opened)
            first()
            main = importlib.import_module("lastgood.cli.main").main
            main(["-C", str(self.folder), *(("--registry", str(self.registry)) if self.registry else ()), *arguments])
        except SystemExit as done:
            code = done.code if isinstance(done.code, int) else 98
        except BaseException:  # noqa: BLE001 - said where the harness reads it
            import traceback  # noqa: PLC0415

            traceback.print_exc()
        finally:
            with suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def wait(self, child: int) -> Ran:
        """Return how a command ended that was forked."""
        _, status = os.waitpid(child, 0)
        said = [(self.beside / name).read_text(errors="replace") if (self.beside / name).exists() else "" for name in ("out", "err")]
        return Ran(os.waitstatus_to_exitcode(status), *said)

    def run(self, *arguments: str) -> Ran:
        """Run a command without a fault."""
        return self.wait(self.fork(*arguments))

    def must(self, *arguments: str) -> Ran:
        """Run a command without a fault, which has to succeed."""
        ran = self.run(*arguments)
        if ran.code:
            raise BrokenPromiseError(f"`{' '.join(arguments)}` exited with {ran.code}: {(ran.err or ran.out)[-600:]}")
        return ran


class BrokenPromiseError(Exception):
    """Something did not go as it has to."""


def tree_of(folder: Path) -> Files:
    """Return the digests of all files below a folder."""
    return {str(path.relative_to(folder)): _digest(path) for path in folder.rglob("*") if path.is_file()}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_tensors(path: Path, count: int, chance: random.Random) -> None:
    """Write a file of weights: two tensors of so many numbers in the safetensors format."""
    header: dict[str, Any] = {
        name: {"dtype": "F32", "shape": [count], "data_offsets": [number * 4 * count, (number + 1) * 4 * count]}
        for number, name in enumerate(("a.weight", "b.weight"))
    }
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(len(head).to_bytes(8, "little") + head + chance.randbytes(8 * count))


def nudge_tensors(path: Path, chance: random.Random) -> None:
    """Change the weights a little, as a step of training does: the low bits of many of them."""
    data = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    for at in range(start + chance.randrange(64), len(data) - 4, 64):
        data[at & ~3] ^= chance.randrange(1, 16)
    path.write_bytes(data)
