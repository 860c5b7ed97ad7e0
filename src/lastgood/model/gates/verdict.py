"""What a gate says of a release: passed or not, in words and numbers.

>>> GateVerdict("approvals", Outcome.REFUSED, "has 0 of 1 approvals", {"missing": 1}).passed
False
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from lastgood.canonical import Json, JsonObject

if TYPE_CHECKING:
    from lastgood.model.gates.evidence import Evidence


class Outcome(StrEnum):
    """How a gate decides; only `PASSED` lets a release through."""

    PASSED = "passed"
    REFUSED = "refused"
    MISSING = "missing-evidence"


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What one gate says.

    Attributes:
        gate: which one, such as `metric quality.accuracy`.
        told: in words; where it does not pass, which number missed and by how much.
        details: the numbers, for programs.
        overridable: whether a deploy may go on in spite of it.
    """

    gate: str
    outcome: Outcome
    told: str
    details: Mapping[str, Json] = field(default_factory=dict)
    overridable: bool = True

    @property
    def passed(self) -> bool:
        """Whether the release meets it."""
        return self.outcome is Outcome.PASSED

    @property
    def line(self) -> str:
        """The whole verdict on one line."""
        lead = "no evidence: " if self.outcome is Outcome.MISSING else ""
        return f"{self.gate}: {lead}{self.told}"

    def to_json(self) -> JsonObject:
        """Return it for programs and for the record."""
        return {
            "gate": self.gate,
            "outcome": self.outcome.value,
            "told": self.told,
            "details": dict(self.details),
            "overridable": self.overridable,
        }


@dataclass(frozen=True, slots=True)
class Gate(ABC):
    """One condition of a policy.

    Attributes:
        overridable: whether a deploy may go on in spite of it.
    """

    overridable: bool

    @property
    @abstractmethod
    def name(self) -> str:
        """How people know it."""

    @abstractmethod
    def judge(self, evidence: Evidence, now: datetime) -> GateVerdict:
        """Decide about a release, by evidence of it and the present instant."""

    def passes(self, told: str, **details: Json) -> GateVerdict:
        """Let the release through."""
        return GateVerdict(self.name, Outcome.PASSED, told, details, self.overridable)

    def refuses(self, told: str, **details: Json) -> GateVerdict:
        """Refuse the release."""
        return GateVerdict(self.name, Outcome.REFUSED, told, details, self.overridable)

    def lacks(self, told: str, **details: Json) -> GateVerdict:
        """Refuse the release, since what would decide is not there."""
        return GateVerdict(self.name, Outcome.MISSING, told, details, self.overridable)


def figure(number: float) -> str:
    """Write a number for people.

    >>> figure(0.30000000000000004), figure(24), figure(-0.0)
    ('0.3', '24', '0')
    """
    return f"{round(number, 9) + 0.0:.6g}"
