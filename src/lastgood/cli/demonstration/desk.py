"""The service in production: one process that reads the live folder, and runs while releases come and go."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lastgood.errors import LastgoodError

LIVE = "run/prod/current"
COMMAND = ("-m", "desk.service", LIVE)
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Where the service sent a question, and how sure it was of the best shelf."""

    shelf: str
    confidence: float


class Desk:
    """A running service; leaving the block ends it."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *COMMAND],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    @property
    def process_id(self) -> int:
        """The number of the process, which stays the same through every release."""
        return self._process.pid

    def ask(self, name: str, text: str) -> Answer:
        """Ask a question.

        Raises:
            LastgoodError: the service ended instead of answering.
        """
        assert self._process.stdin is not None  # noqa: S101 - both are pipes of ours
        assert self._process.stdout is not None  # noqa: S101
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"id": name, "text": text}) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            said = self._process.communicate()[1]
            raise LastgoodError(f"the service of the demo ended instead of answering: {said.strip()[-500:]}")
        answer = json.loads(line)
        return Answer(answer["shelf"], answer["confidence"])

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process: an end of questions is its sign to go."""
        try:
            with suppress(BrokenPipeError, ValueError):
                self._process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
