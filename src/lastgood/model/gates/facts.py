"""Gates that are decided by one fact: a signature, incidents, components, bytes; and the gate that nobody here knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lastgood.clock import BACKWARD_TOLERANCE
from lastgood.ids import ComponentName
from lastgood.model.gates.evidence import Evidence
from lastgood.model.gates.verdict import Gate, GateVerdict, figure

AT_HAND = timedelta(minutes=15)
"""How old a reading of the bytes may be that was made for the deploy at hand."""
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class SignedGate(Gate):
    """The release is signed by a key that counts."""

    @property
    def name(self) -> str:
        """How people know it."""
        return "signed"

    def judge(self, evidence: Evidence, now: datetime) -> GateVerdict:
        """Decide by the release's signature."""
        del now
        if evidence.signed is None:
            return self.lacks(f"whether {evidence.release} is signed is not known")
        return self.passes(f"{evidence.release} is signed") if evidence.signed else self.refuses(f"{evidence.release} is not signed")


@dataclass(frozen=True, slots=True)
class NoOpenIncidentGate(Gate):
    """No incident of the environment is open."""

    @property
    def name(self) -> str:
        """How people know it."""
        return "no open incident"

    def judge(self, evidence: Evidence, now: datetime) -> GateVerdict:
        """Decide by the incidents that are open."""
        del now
        if evidence.open_incidents is None:
            return self.lacks("which incidents are open is not known")
        count = len(evidence.open_incidents)
        if count:
            return self.refuses(f"{count} open: {', '.join(evidence.open_incidents)}", open=list(evidence.open_incidents))
        return self.passes("none is open", open=[])


@dataclass(frozen=True, slots=True)
class ComponentsGate(Gate):
    """The release has certain components."""

    needed: tuple[ComponentName, ...]

    @property
    def name(self) -> str:
        """How people know it."""
        return "components"

    def judge(self, evidence: Evidence, now: datetime) -> GateVerdict:
        """Decide by what the release is made of."""
        del now
        if evidence.components is None:
            return self.lacks(f"what {evidence.release} is made of is not known")
        missing = [one for one in self.needed if one not in evidence.components]
        if missing:
            told = f"{evidence.release} has {len(self.needed) - len(missing)} of {len(self.needed)}: no {', '.join(missing)}"
            return self.refuses(told, needed=list(self.needed), missing=list(missing))
        return self.passes(f"{evidence.release} has {', '.join(self.needed)}", needed=list(self.needed), missing=[])


@dataclass(frozen=True, slots=True)
class BytesGate(Gate):
    """Every byte of the release is kept; and where it says so, was read and proven.

    Attributes:
        verified: whether the bytes must have been read.
        within_hours: how long ago that may have been; None for the deploy at hand.
    """

    verified: bool
    within_hours: float | None = None

    @property
    def name(self) -> str:
        """How people know it."""
        return "bytes verified" if self.verified else "bytes present"

    def judge(self, evidence: Evidence, now: datetime) -> GateVerdict:
        """Decide by what is known of the bytes."""
        kept = evidence.kept
        if kept is None:
            return self.lacks(f"the bytes of {evidence.release} were not looked at")
        if kept.problem is not None:
            return self.refuses(kept.problem)
        amount = {"files": kept.files, "bytes": kept.bytes}
        if not self.verified:
            return self.passes(f"all {kept.files:,} files of {evidence.release} are there", **amount)
        if kept.verified_at is None:
            return self.lacks(f"the bytes of {evidence.release} were not read", **amount)
        if now - kept.verified_at <= -BACKWARD_TOLERANCE:
            return self.lacks(f"the bytes of {evidence.release} were read at a time that is still to come", **amount)
        if not self.is_recent(kept.verified_at, now):
            hours, allowed = (now - kept.verified_at).total_seconds() / _HOUR, self._limit.total_seconds() / _HOUR
            told = f"read and proven {figure(hours)} hours ago, {figure(hours - allowed)} more than the {figure(allowed)} allowed"
            return self.refuses(told, age_hours=hours, within_hours=allowed, **amount)
        return self.passes(f"all {kept.files:,} files of {evidence.release} were read and proven", **amount)

    def is_recent(self, verified_at: datetime | None, now: datetime) -> bool:
        """Whether bytes that were read and proven then need not be read again; never so where the clock went back since."""
        return verified_at is not None and -BACKWARD_TOLERANCE < now - verified_at <= self._limit

    @property
    def _limit(self) -> timedelta:
        return AT_HAND if self.within_hours is None else timedelta(hours=self.within_hours)


@dataclass(frozen=True, slots=True)
class UnknownGate(Gate):
    """A gate that this version cannot judge: a newer one recorded it."""

    written: str

    @property
    def name(self) -> str:
        """How people know it."""
        return f"gate {self.written}"

    def judge(self, evidence: Evidence, now: datetime) -> GateVerdict:
        """Refuse: whatever it asks, nobody here can answer."""
        del evidence, now
        return self.lacks("this version does not know this gate; upgrade lastgood")
