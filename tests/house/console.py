r"""Console blocks in documents, and running them as a reader would: in order, in one shell, from an empty folder.

How a block is read, in words:
    - Every fenced block of a page whose language is `console` belongs to one session; other fences are not run.
    - A line that begins with `$ ` is a command; lines that begin with `> ` go on with it (as a shell's prompts do).
    - A command that is meant to fail says with which code, as a comment of the shell: `$ false  # exit 1`.
    - Any other line is output of the command above it. Where some is shown, all of it must match, as doctest's
      ELLIPSIS does: `...` stands for any text, also of many lines. Where none is shown, none is compared.

    >>> block = Session.read('```console\n$ echo one  # exit 0\none\n```\n')
    >>> block.steps[0].command, block.steps[0].exit_code, block.steps[0].output
    ('echo one  # exit 0', 0, 'one')
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path

_FENCE = re.compile(r"^(?P<fence>```+)console[^\n]*\n(?P<body>.*?)^(?P=fence)[ ]*$", re.MULTILINE | re.DOTALL)
_EXIT = re.compile(r"#\s*exit (\d+)\s*$")
_SEPARATOR = "\x1e"
LONGEST_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a page, where it stands, and what the page says will come of it."""

    line: int
    command: str
    exit_code: int
    output: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one command; standard output and standard error are one text, as on a terminal."""

    step: Step
    exit_code: int
    output: str

    def complaint(self) -> str | None:
        """Say how this differs from what the page shows; None where it does not."""
        where = f"line {self.step.line}: $ {self.step.command}"
        if self.exit_code != self.step.exit_code:
            return f"{where}\nexit {self.exit_code}, the page says {self.step.exit_code}; it printed:\n{self.output}"
        if self.step.output is None or OutputChecker().check_output(self.step.output, self.output, ELLIPSIS):
            return None
        return f"{where}\nthe page shows:\n{self.step.output}\nit printed:\n{self.output}"


@dataclass(frozen=True, slots=True)
class Session:
    """The commands of one page, in order."""

    steps: tuple[Step, ...]

    @classmethod
    def read(cls, page: str) -> Session:
        """Read the console blocks of a page of Markdown."""
        return cls(
            tuple(
                step
                for block in _FENCE.finditer(page)
                for step in _steps(block["body"].splitlines(), page.count("\n", 0, block.start("body")) + 1)
            )
        )

    def run(self, folder: Path, environment: Mapping[str, str]) -> list[Outcome]:
        """Run all commands in one shell that starts in the folder; a failure does not stop it, as at a prompt."""
        script = "exec 2>&1 </dev/null\n" + "".join(f"{step.command}\nprintf '{_SEPARATOR}%s\\n' $?\n" for step in self.steps)
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-c", script],
            cwd=folder,
            env=dict(environment),
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=LONGEST_SECONDS,
        )
        found = re.findall(rf"(.*?){_SEPARATOR}(\d+)\n", done.stdout.decode(), re.DOTALL)
        if len(found) != len(self.steps):
            raise AssertionError(f"the shell ended after {len(found)} of {len(self.steps)} commands: {done.stdout!r}")
        return [Outcome(step, int(code), output.removesuffix("\n")) for step, (output, code) in zip(self.steps, found, strict=True)]


def _steps(lines: list[str], first: int) -> Iterator[Step]:
    command: list[str] = []
    output: list[str] = []
    at = first
    for number, line in enumerate(lines, start=first):
        if line.startswith("$ "):
            if command:
                yield _step(at, command, output)
            command, output, at = [line[2:]], [], number
        elif line.startswith("> ") and not output:
            command.append(line[2:])
        else:
            output.append(line)
    if command:
        yield _step(at, command, output)


def _step(line: int, command: list[str], output: list[str]) -> Step:
    text = "\n".join(command)
    code = _EXIT.search(text)
    shown = "\n".join(output).strip("\n")
    return Step(line, text, int(code[1]) if code else 0, shown or None)
