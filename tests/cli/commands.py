"""Command lines as tests type them: in this process for speed, or as a whole process where that is what is tested.

desk = Desk(folder)
desk.write("prompts/system.md", "Cite the policy.")
desk.ask("commit", "-m", "first")["number"]         # 1: --json, exit 0, one object on stdout
desk.fails("show", "r9")["kind"]                    # "not-found": the exit code is the one of DESIGN's table
desk.process("commit").code                         # a process of its own
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from lastgood.cli.main import main

EXIT_CODES = {
    "failed": 1,
    "command-failed": 1,
    "invalid": 2,
    "invalid-name": 2,
    "invalid-revision": 2,
    "invalid-path": 2,
    "invalid-workspace": 2,
    "invalid-archive": 2,
    "invalid-manifest": 2,
    "invalid-case": 2,
    "newer-schema": 2,
    "not-found": 3,
    "gone": 3,
    "not-allowed": 4,
    "conflict": 5,
    "stale-base": 5,
    "stale-environment": 5,
    "canary-running": 5,
    "already-exists": 5,
    "changed-while-reading": 5,
    "refused": 6,
    "bad-release": 6,
    "nothing-good": 6,
    "gate-refused": 6,
    "own-approval": 6,
    "credential-found": 6,
    "purged-file": 6,
    "integrity": 7,
    "unavailable": 8,
    "busy": 8,
    "collected-meanwhile": 8,
    "storage-full": 8,
    "read-only": 8,
    "live-folder-behind": 8,
    "unsealed": 8,
    "clock-went-back": 8,
}
"""The exit code of each kind of error, written down a second time on purpose: scripts rely on them."""

WORKSPACE = """\
pipeline = "support-bot"

[components.prompts]
kind = "prompt"
path = "prompts/"

[components.routing]
kind = "config"
path = "config/routing.yaml"

[components.router]
kind = "artifact"
path = "models/"
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of one command line."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> Any:  # noqa: ANN401 - any JSON
        """The one JSON object on stdout."""
        assert self.out.count("\n") == 1, f"not one line of JSON: {self.out!r}"
        return json.loads(self.out)


def run(*arguments: str) -> Ran:
    """Run a command line in this process."""
    raw = io.BytesIO(), io.BytesIO()
    out, err = (io.TextIOWrapper(one, encoding="utf-8", newline="\n", write_through=True) for one in raw)
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(list(arguments))
    code = ended.value.code
    assert isinstance(code, int)
    return Ran(code, *(one.getvalue().decode() for one in raw))


Stream = int | IO[str]
"""Where a process writes: a number of a file, `subprocess.PIPE` among them, or a file."""


def run_process(
    folder: Path,
    *arguments: str | Path,
    before: Sequence[str | Path] = (),
    more: Mapping[str, str] | None = None,
    stdout: Stream = subprocess.PIPE,
    stderr: Stream = subprocess.PIPE,
) -> Ran:
    """Run a command line in a process of its own, behind the words of another program and with more variables if given."""
    done = subprocess.run(
        [*before, sys.executable, "-m", "lastgood", *arguments],
        cwd=folder,
        env=os.environ | dict(more or {}),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        check=False,
        timeout=120,
    )
    return Ran(done.returncode, (done.stdout or b"").decode(), (done.stderr or b"").decode())


@dataclass(frozen=True)
class Desk:
    """Somebody's workspace, and how they type commands in it."""

    root: Path

    @property
    def registry(self) -> Path:
        """The folder of its registry."""
        return self.root / ".lastgood"

    def run(self, *arguments: str) -> Ran:
        """Run a command in this process."""
        return run("-C", str(self.root), *arguments)

    def process(self, *arguments: str | Path, **options: Any) -> Ran:  # noqa: ANN401 - those of run_process
        """Run a command in a process of its own, started in the workspace."""
        return run_process(self.root, *arguments, **options)

    def tell(self, *arguments: str) -> Ran:
        """Run a command that succeeds."""
        ran = self.run(*arguments)
        assert ran.code == 0, ran
        return ran

    def ask(self, *arguments: str) -> Any:  # noqa: ANN401 - any JSON
        """Run a command that succeeds, and return its JSON."""
        return self.tell(*arguments, "--json").answer

    def fails(self, *arguments: str) -> dict[str, Any]:
        """Run a command that fails, and return its error: one object, the exit code of its kind."""
        return error_of(self.run(*arguments, "--json"))

    def write(self, path: str, content: str | bytes) -> Path:
        """Write a file of the workspace."""
        there = self.root / path
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(content.encode() if isinstance(content, str) else content)
        return there

    def commit(self, words: str | None = None, *options: str) -> Any:  # noqa: ANN401 - any JSON
        """Say something else in the prompt, and commit."""
        if words is not None:
            self.write("prompts/system.md", words + "\n")
        return self.ask("commit", *options)

    def number_in(self, environment: str) -> int:
        """Return the number of the release that an environment is on."""
        number: int = self.ask("env", "show", environment)["number"]
        return number


def error_of(ran: Ran) -> dict[str, Any]:
    """Return the error that a command with --json answered, after checking its form."""
    answer = ran.answer
    assert answer["schema"] == "lastgood.error/1"
    assert set(answer) == {"schema", "error"}
    error: dict[str, Any] = answer["error"]
    assert set(error) == {"kind", "message", "hint", "details"}
    assert error["message"]
    assert ran.code == EXIT_CODES[error["kind"]], ran
    return error


def fill(root: Path) -> Desk:
    """Write a small pipeline of prompts, a config and weights, with its lastgood.toml."""
    desk = Desk(root)
    desk.write("lastgood.toml", WORKSPACE)
    desk.write("prompts/system.md", "You answer questions of customers.\nCite the policy.\n")
    desk.write("config/routing.yaml", "temperature: 0.2\ntop_p: 0.9\n")
    desk.write("models/router.bin", bytes(range(256)) * 40)
    return desk
