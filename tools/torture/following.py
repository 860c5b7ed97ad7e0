"""Follows a command with strace: its process is forked warm and waits, strace is attached to it, and then it goes."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tools.torture.project import BrokenPromiseError, Project, Ran


def strace_works() -> bool:
    """Whether strace is there and may follow a process that is not its own child."""
    if shutil.which("strace") is None:
        return False
    with subprocess.Popen(["sleep", "10"]) as sleeper:
        try:
            tried = subprocess.Popen(["strace", "-qq", "-o", os.devnull, "-p", str(sleeper.pid)], stderr=subprocess.DEVNULL)
            until = time.monotonic() + 5
            while tried.poll() is None and time.monotonic() < until:
                if _is_traced(sleeper.pid):
                    return True
                time.sleep(0.01)
            return False
        finally:
            sleeper.kill()
            tried.wait()


def traced(strace: str, project: Project, arguments: Sequence[str], *options: str, calls: Sequence[str]) -> tuple[Ran, str]:
    """Run a command under strace; return how it ended, and the trace.

    Args:
        strace: the program.
        project: the project that the command is run on.
        arguments: the command.
        options: what strace shall do beside following.
        calls: the system calls that it shall look at.
    """
    reader, writer = os.pipe()
    child = project.fork(*arguments, first=lambda: os.read(reader, 1))
    os.close(reader)
    log = project.beside / "trace"
    looked_at = f"trace=/^({'|'.join(calls)})$"
    follow = [strace, "-f", "-qq", "-y", "-s", "0", "-o", str(log), "-e", looked_at, *options, "-p", str(child)]
    with subprocess.Popen(follow, stderr=subprocess.DEVNULL) as tracer:
        while not _is_traced(child):
            if tracer.poll() is not None:
                os.write(writer, b"x")
                raise BrokenPromiseError(f"strace could not be attached: {follow}")
            time.sleep(0.0005)
        os.write(writer, b"x")
        os.close(writer)
        ran = project.wait(child)
    return ran, log.read_text(errors="replace")


def _is_traced(process: int) -> bool:
    return "TracerPid:\t0\n" not in Path(f"/proc/{process}/status").read_text()
