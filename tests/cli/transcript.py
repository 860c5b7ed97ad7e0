r"""What commands say to people, as a transcript that can be compared with a golden one.

    $ lastgood deploy prod
    prod: r1 <digest 001>
    ! warning: …            what begins with `! ` was on stderr
    [exit 6]                where it is not 0

Rules: what differs from run to run is named (digests, by the order in which they appear) or levelled (times, seconds,
bytes of packs, runs of spaces that only align); everything else stands as it is printed. `LASTGOOD_REWRITE_SNAPSHOTS=1
pytest tests/cli/test_snapshots.py` writes the golden files anew, to be read in the diff before they are committed.
"""

from __future__ import annotations

import os
import re
import shlex
from difflib import unified_diff
from pathlib import Path

from tests.cli.commands import Desk

SNAPSHOTS = Path(__file__).with_name("snapshots")
# Read when this is imported: no test sees the environment of whoever runs it.
_REWRITE = os.environ.get("LASTGOOD_REWRITE_SNAPSHOTS") == "1"

_DIGEST = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b")
_LEVELLED = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"), "<time>"),
    (re.compile(r"\bon \d{4}-\d\d-\d\d\b"), "on <day>"),
    (re.compile(r"\b(?:\d+m )?\d+s so far"), "<seconds> so far"),
    (re.compile(r"\b(?:\d+m )?\d+s\b"), "<seconds>"),
    (re.compile(r"\b(in|took) \d+\.\d\d s\b"), r"\1 <seconds>"),
    (re.compile(r"\([\d.]+ (?:bytes|kB) new\)"), "(<bytes> new)"),
    (re.compile(r"storage measured: [\d.]+ \w+"), "storage measured: <bytes>"),
    (re.compile(r"─+"), "───"),
    (re.compile(r"(?<=\S) {2,}"), "  "),
    (re.compile(r" +$", re.MULTILINE), ""),
)


class Transcript:
    """Commands of one workspace and what they say."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._digests: dict[str, str] = {}
        self._lines: list[str] = []

    def type(self, *arguments: str) -> None:
        """Run a command and note what it says."""
        ran = self._desk.run(*arguments)
        self._lines += ["$ " + shlex.join(["lastgood", *arguments]), *ran.out.splitlines()]
        self._lines += [f"! {line}".rstrip() for line in ran.err.splitlines()]
        self._lines += [f"[exit {ran.code}]"] if ran.code else []
        self._lines.append("")

    def note(self, text: str) -> None:
        """Say what happened between two commands."""
        self._lines += [f"# {text}", ""]

    def text(self) -> str:
        """Return the transcript, named and levelled."""
        text = "\n".join(self._lines).replace(str(self._desk.root), "<root>")
        text = _DIGEST.sub(self._named, text)
        for pattern, replacement in _LEVELLED:
            text = pattern.sub(replacement, text)
        return text

    def compare(self, name: str) -> None:
        """Compare with the golden transcript, or write it."""
        golden = SNAPSHOTS / f"{name}.txt"
        if _REWRITE:
            golden.write_text(self.text())
        assert golden.is_file(), f"no golden transcript: LASTGOOD_REWRITE_SNAPSHOTS=1 writes {golden.name}"
        told, expected = self.text(), golden.read_text()
        assert told == expected, "\n".join(unified_diff(expected.splitlines(), told.splitlines(), golden.name, "told", lineterm=""))

    def _named(self, digest: re.Match[str]) -> str:
        return self._digests.setdefault(digest[0][:12], f"<digest {len(self._digests) + 1}>")
