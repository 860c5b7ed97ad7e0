"""Time whole processes, as a person waits for them: from the start of the program to the end of `sync`.

`sync` stands in every measure of bytes that are kept, since nothing is kept before it is on the disk; programs that sync
their own files have less left for it to do. Before a measure everything that is dirty is written out, so that nobody
pays for another.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Command = Sequence[str | Path]
_LINES_OF_ERROR = 20


@dataclass(frozen=True, slots=True)
class Step:
    """What one measure took: seconds of wall time, and the most memory that one of its processes held."""

    seconds: float
    peak_bytes: int = 0


def timed(commands: Sequence[Command], *, cwd: Path, env: Mapping[str, str] | None = None) -> Step:
    """Run commands one after the other, then `sync`.

    Raises:
        RuntimeError: a command failed; what it wrote last is in the message.
    """
    os.sync()
    began = time.perf_counter()
    peak = max((run(command, cwd=cwd, env=env) for command in commands), default=0)
    os.sync()
    return Step(time.perf_counter() - began, peak)


def timed_alone(command: Command, *, cwd: Path, env: Mapping[str, str] | None = None) -> Step:
    """Run one command without `sync`: for what answers a person, and syncs what it has to sync itself.

    Raises:
        RuntimeError: it failed; what it wrote last is in the message.
    """
    began = time.perf_counter()
    peak = run(command, cwd=cwd, env=env)
    return Step(time.perf_counter() - began, peak)


def run(command: Command, *, cwd: Path, env: Mapping[str, str] | None = None) -> int:
    """Run a command to its end; return its peak memory in bytes.

    Raises:
        RuntimeError: it failed; what it wrote last is in the message.
    """
    environment = {**os.environ, **(env or {})}
    log = cwd / ".bench-log"
    with log.open("wb+") as output:
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        said = "\n".join(log.read_text(errors="replace").splitlines()[-_LINES_OF_ERROR:])
        raise RuntimeError(f"{Path(command[0]).name} {command[1:3]} exited {process.returncode}:\n{said}")
    log.unlink()
    return usage.ru_maxrss * 1024
