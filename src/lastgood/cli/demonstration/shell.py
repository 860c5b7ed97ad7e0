"""Types commands, shows what they print, and takes the time of each as a whole process.

On a terminal each command gets a terminal of its own, as wide as what is left of yours, so that it prints just what it
would print to you; otherwise a pipe.

    shell.lastgood("commit", "-m", "warmer tone")
    shell.python("-m", "desk.train")
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from lastgood.errors import LastgoodError

WIDEST = 120
_INDENT = "  "
_TIME_COLUMNS = 7
_READ_AT_ONCE = 65_536
_LAST_LINES = 12
_ALL_LINES = 1_000

# What a progress bar drew and took away again.
_OVERWRITTEN = re.compile(r"\r[^\n]*?\x1b\[K")

# The demo has a registry of its own, and its pipeline finds its code in the folder it runs in.
_NOT_PASSED_ON = ("LASTGOOD_REGISTRY", "PYTHONSAFEPATH")


@dataclass(frozen=True, slots=True)
class Step:
    """One command that was run: as a person would type it, how long it took, how it ended."""

    command: str
    seconds: float
    exit: int


class Shell:
    """Runs the commands of a story in its folder."""

    def __init__(self, folder: Path, *, quiet: bool) -> None:
        self.folder = folder
        self.steps: list[Step] = []
        self.environment = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
        self._quiet = quiet
        self._columns = min(shutil.get_terminal_size().columns, WIDEST)

    def lastgood(self, *arguments: str, first: int = _ALL_LINES, last: int = 0) -> Step:
        """Run lastgood.

        Args:
            arguments: what a person would type behind `lastgood`.
            first: how many lines of what it prints to show from the beginning; what is left out is counted.
            last: how many lines to show from the end.

        Raises:
            LastgoodError: it failed.
        """
        # -P: the folder of the story must not be where lastgood's own modules are looked for.
        command = [sys.executable, "-P", "-m", "lastgood", *arguments]
        return self._run(f"lastgood {shlex.join(arguments)}", command, first=first, last=last)

    def python(self, *arguments: str, folder: str = ".", **variables: str) -> Step:
        """Run this Python, in a folder and with more environment variables.

        Raises:
            LastgoodError: it failed.
        """
        shown = " ".join([*(f"{name}={shlex.quote(value)}" for name, value in variables.items()), "python", shlex.join(arguments)])
        if folder != ".":
            shown = f"(cd {shlex.quote(folder)} && {shown})"
        return self._run(shown, [sys.executable, *arguments], folder=folder, variables=variables)

    def title(self, text: str) -> None:
        """Begin a new part of the story."""
        self._print("\n" + click.style(text, bold=True, fg="cyan"))

    def say(self, text: str) -> None:
        """Say something between the commands."""
        import textwrap  # noqa: PLC0415

        self._print(textwrap.fill(text, self._columns))

    def show(self, line: str) -> None:
        """Print a line as it is."""
        self._print(line)

    def _run(
        self,
        shown: str,
        arguments: Sequence[str],
        *,
        folder: str = ".",
        variables: Mapping[str, str] | None = None,
        first: int = _ALL_LINES,
        last: int = 0,
    ) -> Step:
        self._print(click.style("$ ", dim=True) + click.style(shown, bold=True), end="")
        started = time.monotonic()
        code, printed = self._capture(arguments, self.folder / folder, self.environment | dict(variables or {}))
        step = Step(shown, time.monotonic() - started, code)
        self.steps.append(step)
        gap = max(self._columns - len("$ ") - len(shown) - _TIME_COLUMNS, 1)
        self._print(" " * gap + click.style(f"{step.seconds:{_TIME_COLUMNS - 2}.2f} s", dim=True))
        lines = printed.rstrip().splitlines()
        if code != 0:
            said = "\n".join(lines[-_LAST_LINES:])
            raise LastgoodError(f"the demo stopped: `{shown}` ended with exit {code}\n{said}", hint=f"look into {self.folder}")
        for line in _shorten(lines, first, last):
            self._print(_INDENT + line)
        return step

    def _capture(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
        if self._quiet or not sys.stdout.isatty():
            done = subprocess.run(
                arguments,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            return done.returncode, done.stdout.decode("utf-8", "replace")
        return _run_in_terminal(arguments, folder, environment, self._columns - len(_INDENT))

    def _print(self, text: str, *, end: str = "\n") -> None:
        if not self._quiet:
            click.echo(text + end, nl=False)
            sys.stdout.flush()


def _shorten(lines: list[str], first: int, last: int) -> list[str]:
    left_out = len(lines) - first - last
    if left_out <= 1:
        return lines
    return [*lines[:first], click.style(f"… {left_out} more lines", dim=True), *lines[len(lines) - last :]]


def _run_in_terminal(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], columns: int) -> tuple[int, str]:
    """Run a command in a terminal of its own; return its exit code and what it printed, with its colours."""
    import termios  # noqa: PLC0415

    ours, its = os.openpty()
    try:
        termios.tcsetwinsize(its, (50, columns))
        process = subprocess.Popen(arguments, cwd=folder, env={**environment, "COLUMNS": str(columns)}, stdin=its, stdout=its, stderr=its)
    finally:
        os.close(its)
    printed = bytearray()
    try:
        with process:
            while part := _read(ours):
                printed += part
    finally:
        os.close(ours)
    return process.returncode, _OVERWRITTEN.sub("", printed.decode("utf-8", "replace").replace("\r\n", "\n"))


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, _READ_AT_ONCE)
    except OSError:
        # Linux says EIO, others an empty read, when the last process has closed its side.
        return b""
