"""The gate of soak time: the same behavior was live in another environment for long enough.

Rule: all stays of the behavior there add up, the present one until now; a stay that a clock set back makes end before it
began counts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lastgood.ids import EnvironmentName
from lastgood.model.gates.evidence import Evidence
from lastgood.model.gates.verdict import Gate, GateVerdict, figure

_HOUR = 3600


@dataclass(frozen=True, slots=True)
class SoakGate(Gate):
    """In which environment, and for how many hours."""

    environment: EnvironmentName
    hours: float

    @property
    def name(self) -> str:
        """How people know it."""
        return f"soak {self.environment}"

    def judge(self, evidence: Evidence, now: datetime) -> GateVerdict:
        """Decide by what the other environment was on, and when."""
        stays = evidence.stays.get(self.environment)
        if stays is None:
            return self.lacks(f"there is no environment {self.environment}, so nothing was live there", hours=self.hours)
        lengths = [((stay.until or now) - stay.since).total_seconds() for stay in stays if stay.behavior == evidence.behavior]
        hours = sum(max(length, 0.0) for length in lengths) / _HOUR
        missing = self.hours - hours
        told = f"what {evidence.release} does was live in {self.environment} for {_written(hours)} of {figure(self.hours)} hours"
        if missing > 0:
            return self.refuses(f"{told}: {_written(missing)} missing", hours=self.hours, lived_hours=hours, missing_hours=missing)
        return self.passes(told, hours=self.hours, lived_hours=hours)


def _written(hours: float) -> str:
    # A gate that misses by a second must not say that it misses by nothing.
    return f"{hours:.2f}" if hours == 0 or hours >= 0.01 else "less than 0.01"  # noqa: PLR2004 - what two digits can show
