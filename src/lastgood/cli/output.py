"""How commands speak: data on stdout, everything for the eye on stderr, JSON on request.

output = Output(json=False)
output.data("r42")                       # stdout
output.note("prod stays on r41")         # stderr
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, TextIO

import click

from lastgood.cli.tables import plain_table
from lastgood.compare.wording import count, printable, shorten, size
from lastgood.errors import Unavailable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PROGRESS_AFTER = 1.0
_FOLDED = frozenset({"who", "by", "where", "changed", "message", "why", "what"})
BROKEN_PIPE = 141
LONGEST_LINE = 120


class Output:
    """Where a command's words go."""

    def __init__(self, *, json: bool) -> None:
        self.json = json

    def answer(self, schema: str, fields: Mapping[str, object]) -> None:
        """Print the one JSON object of a command, if JSON was asked for."""
        if self.json:
            # All in ASCII: nothing in it can steer a terminal, and it is the same JSON in every locale.
            say(json.dumps({"schema": f"lastgood.{schema}/1", **fields}))

    def data(self, text: str) -> None:
        """Print a line of data, unless JSON was asked for."""
        if not self.json:
            say(safe(text))

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table as data, unless JSON was asked for."""
        if not self.json:
            print_table(headers, rows)

    def note(self, text: str) -> None:
        """Say something that is good to know."""
        say_aside(safe(text))

    def warn(self, text: str) -> None:
        """Say something that should be looked at."""
        say_aside(click.style("warning: ", fg="yellow", bold=True) + safe(text))

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Progress]:
        """Give a progress bar that shows itself after a second, on a terminal only."""
        bar = Progress(what, total, is_shown=sys.stderr.isatty() and not self.json)
        try:
            yield bar
        finally:
            bar.close()


class Progress:
    """Counts files and bytes, and draws a bar once that takes longer than a second."""

    def __init__(self, what: str, total: int | None, *, is_shown: bool) -> None:
        self._what = what
        self._total = total
        self._is_shown = is_shown
        self._started = time.monotonic()
        self._next = self._started + PROGRESS_AFTER
        self.files = 0
        self.bytes = 0

    def add(self, files: int, length: int) -> None:
        """Count what was done."""
        self.files += files
        self.bytes += length
        now = time.monotonic()
        if self._is_shown and now >= self._next:
            self._next = now + 0.1
            rate = self.bytes / (now - self._started)
            counted = f"{count(self.files, 'file')}, " if self.files else ""
            line = f"{self._what}: {counted}{size(self.bytes)}, {size(int(rate))}/s"
            if self._total:
                line += f", {min(100, self.bytes * 100 // self._total)}%"
            say_aside(f"\r{line}\x1b[K", end="")

    def close(self) -> None:
        """Take the bar away."""
        if self._next > self._started + PROGRESS_AFTER:
            say_aside("\r\x1b[K", end="")


def say(text: str) -> None:
    """Write a line on stdout.

    Raises:
        click.exceptions.Exit: nobody reads it any more; the code is what a shell says of a process that SIGPIPE ended.
        Unavailable: it cannot be written.
    """
    try:
        click.echo(text)
    except BrokenPipeError:
        silence(sys.stdout)
        raise click.exceptions.Exit(BROKEN_PIPE) from None
    except OSError as error:
        silence(sys.stdout)
        raise Unavailable(
            f"the answer could not be written to stdout: {error.strerror}; what the command did stands",
            hint="lastgood log, lastgood env list",
        ) from error


def say_aside(text: str, *, end: str = "\n") -> None:
    """Write on stderr, for the eye: that nobody can read it never keeps a command from what it does."""
    try:
        click.echo(text + end, nl=False, err=True)
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Let a stream that cannot be written lead nowhere, or Python would complain of it when it ends."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def console() -> Console:
    """Return a console on stdout; rich is imported only by commands that draw."""
    from rich.console import Console  # noqa: PLC0415

    wide = None if sys.stdout.isatty() else 200
    return Console(highlight=False, soft_wrap=wide is not None, width=wide)


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Draw a table on stdout, its cells taken as plain text."""
    width = os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None
    plain = plain_table(headers, [[safe(cell) for cell in row] for row in rows], width)
    if plain is not None:
        say("\n".join([click.style(plain[0], bold=True), *plain[1:]]))
        return
    drawing = console()
    # Caught, since rich ends the process by itself where nobody reads it any more.
    with drawing.capture() as drawn:
        drawing.print(make_table(headers, rows))
    say(drawn.get().removesuffix("\n"))


def make_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a plain table whose cells are taken as they are, never as markup."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold", no_wrap=header not in _FOLDED)
    for row in rows:
        table.add_row(*(Text(safe(cell)) for cell in row))
    return table


def safe(text: str) -> str:
    """Keep what came from names and messages from steering the terminal; line ends stay."""
    return text if text.isprintable() else "\n".join(printable(line) for line in text.split("\n"))


def first_line(text: str | None) -> str:
    """Return the first line of a message, as lists show it: cut where it is very long."""
    return shorten((text or "").strip().partition("\n")[0], LONGEST_LINE)


def time_text(at: datetime) -> str:
    """Write an instant in the local zone, which is shown."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M %Z")


def duration_text(seconds: float) -> str:
    """Write a duration for people, in its two largest units."""
    rest = int(seconds)
    parts: list[str] = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        number, rest = divmod(rest, length)
        if number or (unit == "s" and not parts):
            parts.append(f"{number}{unit}")
    return " ".join(parts[:2])
