"""Processes that stand still in the middle of a put, and lines that run beside them."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path


def run_in_child(script: str, root: Path) -> str:
    """Run a few lines with `backend` at the root in a process of its own, and return what they print."""
    return subprocess.run(child(script, root), capture_output=True, check=True, text=True).stdout


def child(script: str, root: Path) -> list[str]:
    head = (
        "import os, resource, sys\nfrom pathlib import Path\n"
        "from lastgood.errors import LastgoodError, StorageFull\nfrom lastgood.store.backend.local import LocalBackend\n"
        "backend = LocalBackend(Path(sys.argv[1]))\n"
    )
    return [sys.executable, "-c", head + textwrap.dedent(script), str(root)]


class a_writer_half_way:  # noqa: N801  # it reads as words
    """A process that is in the middle of a put, and waits there."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __enter__(self) -> subprocess.Popen[bytes]:
        script = """
            class Pieces(list):
                def __iter__(self):
                    yield b"half"
                    print("half-way", flush=True)
                    sys.stdin.read()
                    yield b"the rest"
            backend.put("packs/ab/one.pack", Pieces())
            """
        self._process = subprocess.Popen(child(script, self._root), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout
        assert self._process.stdout.readline() == b"half-way\n"
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        assert self._process.wait() == -signal.SIGKILL
        for stream in (self._process.stdin, self._process.stdout):
            assert stream
            stream.close()
