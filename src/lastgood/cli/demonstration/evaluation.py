"""What an eval run wrote, read back: one JSON line per case, as DESIGN's eval protocol has it.

cases = read_evaluation(folder / "checks/r2.jsonl")
cases.accuracy                        # 0.809
cases.broken_in(later)                # what was right here and is wrong there
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Case:
    """One question of the eval: whether the answer was right, and what it was."""

    passed: bool
    output: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The cases of one run, by id."""

    cases: Mapping[str, Case]

    @property
    def accuracy(self) -> float:
        """The share of cases that passed."""
        return sum(case.passed for case in self.cases.values()) / len(self.cases)

    def answered(self, output: str) -> int:
        """Return how many cases got such an answer."""
        return sum(case.output == output for case in self.cases.values())

    def broken_in(self, later: Evaluation) -> list[str]:
        """Return the ids of the cases that pass here and fail in a later run."""
        return [name for name, case in self.cases.items() if case.passed and not later.cases[name].passed]


def read_evaluation(path: Path) -> Evaluation:
    """Read the file that an eval run wrote to LASTGOOD_OUT."""
    lines = (json.loads(line) for line in path.read_text("utf-8").splitlines())
    return Evaluation({line["case"]: Case(line["passed"], line["output"]) for line in lines})
