"""A policy: what an environment asks of a release, as it was recorded.

Rules: a policy is a document, kept verbatim and known by the SHA-256 of its canonical form. A gate that cannot be read is
not left out, it refuses. A policy without gates is *open*, and so is an environment without a policy.

    >>> policy = read_policy(policy_document(gates=[{"approvals": 1}, {"from_the_future": True}]))
    >>> [gate.name for gate in policy.gates]
    ['approvals', 'gate {"from_the_future":true}']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lastgood.canonical import Json, JsonObject, canonical_json
from lastgood.errors import Invalid
from lastgood.ids import ComponentName, EnvironmentName, PolicyDigest
from lastgood.model.fields import Fields, number_in
from lastgood.model.gates.approvals import ApprovalsGate
from lastgood.model.gates.evidence import Evidence
from lastgood.model.gates.facts import BytesGate, ComponentsGate, NoOpenIncidentGate, SignedGate, UnknownGate
from lastgood.model.gates.freeze import FreezeGate, Weekly
from lastgood.model.gates.metric import MetricGate
from lastgood.model.gates.soak import SoakGate
from lastgood.model.gates.verdict import Gate, GateVerdict

LEAST_CONFIDENCE, MOST_CONFIDENCE = 0.5, 0.999
POLICY_SCHEMA = "lastgood.policy/1"
Written = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Policy:
    """What an environment asks.

    Attributes:
        document: the policy, verbatim.
        gates: its gates, windows of freeze among them.
    """

    document: Written
    gates: tuple[Gate, ...]

    @property
    def digest(self) -> PolicyDigest:
        """Its identity."""
        return policy_digest(self.document)

    @property
    def is_open(self) -> bool:
        """Whether it asks nothing."""
        return not self.gates

    def judge(self, evidence: Evidence, now: datetime) -> tuple[GateVerdict, ...]:
        """Return what each gate says of a release."""
        return tuple(gate.judge(evidence, now) for gate in self.gates)


def policy_document(gates: Sequence[Written] = (), freeze: Sequence[Written] = (), *, override: bool = True) -> JsonObject:
    """Return the document of a policy."""
    return {"schema": POLICY_SCHEMA, "gates": [dict(one) for one in gates], "freeze": [dict(one) for one in freeze], "override": override}


def policy_digest(document: Written) -> PolicyDigest:
    """Return the identity of a policy."""
    return PolicyDigest.of(canonical_json(dict(document)))


def read_policy(document: Written) -> Policy:
    """Read a policy as it was recorded; what cannot be read in it refuses, and cannot be overridden by mistake."""
    known = dict(document)
    override = known.get("override", True) is True
    gates: list[Gate] = []
    if known.get("schema") != POLICY_SCHEMA or known.keys() - {"schema", "gates", "freeze", "override"}:
        gates.append(_unknown(known, override=False))
    for name, read in (("gates", _read_gate), ("freeze", _read_freeze)):
        written = known.get(name) or []
        if isinstance(written, list):
            gates += [_read(one, read, override=override) for one in written]
        else:
            gates.append(_unknown(written, override=False))
    return Policy(document, tuple(gates))


def _read(written: Json, read: Callable[[Fields, bool], Gate], *, override: bool) -> Gate:
    try:
        known = Fields(written, "a gate")
        overridable = override and ("override" not in known or known.flag("override"))
        return read(known, overridable)
    except (Invalid, ValueError):
        return _unknown(written, override=override)


def _unknown(written: Json, *, override: bool) -> Gate:
    return UnknownGate(override, canonical_json(written).decode()[:200])


def _read_gate(known: Fields, override: bool) -> Gate:  # noqa: FBT001 - the one value that all gates have
    keys = set(known) - {"override"}
    match sorted(keys):
        case ["approvals"]:
            return ApprovalsGate(override, _whole(known, "approvals"))
        case ["hours", "soak"]:
            return SoakGate(override, EnvironmentName.parse(known.text("soak")), _positive(known, "hours"))
        case ["signed"] if known.flag("signed"):
            return SignedGate(override)
        case ["no_open_incident"] if known.flag("no_open_incident"):
            return NoOpenIncidentGate(override)
        case ["components"] if known.texts("components"):
            return ComponentsGate(override, tuple(ComponentName.parse(one) for one in known.texts("components")))
        case ["bytes"] | ["bytes", "within_hours"]:
            return _read_bytes(known, override)
    return _read_metric(known, keys, override)


def _read_metric(known: Fields, keys: set[str], override: bool) -> Gate:  # noqa: FBT001 - as above
    bounds = {"min", "max", "max_drop"}
    if "metric" not in keys or not keys & bounds or keys - bounds - {"metric", "confidence"}:
        raise Invalid("no gate of this version")
    low, high, drop, confidence = (number_in(known, name) if name in keys else None for name in ("min", "max", "max_drop", "confidence"))
    if (drop or 0) < 0 or (confidence is not None and (drop is None or not LEAST_CONFIDENCE <= confidence <= MOST_CONFIDENCE)):
        raise Invalid("no gate of this version")
    return MetricGate(override, known.text("metric"), low, high, drop, confidence)


def _read_bytes(known: Fields, override: bool) -> Gate:  # noqa: FBT001 - as above
    said = known.text("bytes")
    hours = _positive(known, "within_hours") if "within_hours" in known else None
    if said not in {"present", "verified"} or (said == "present" and hours is not None):
        raise Invalid("no gate of this version")
    return BytesGate(override, said == "verified", hours)


def _read_freeze(known: Fields, override: bool) -> Gate:  # noqa: FBT001 - as above
    if set(known) - {"from", "until", "zone", "reason", "override"}:
        raise Invalid("no window of this version")
    start, end = read_edge(known.text("from")), read_edge(known.text("until"))
    if isinstance(start, Weekly) != isinstance(end, Weekly) or start == end:
        raise Invalid("the edges are of two forms, or the same")
    return FreezeGate(override, start, end, known.text("zone"), known.optional_text("reason"))


def read_edge(text: str) -> Weekly | datetime:
    """Read an edge of a window of freeze: `Fri 16:00`, or a date with a time, in wall time.

    Raises:
        Invalid: it has neither form.
    """
    if not text[:1].isdigit():
        return Weekly.parse(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is not None:
        raise Invalid(f"{text[:40]!r} is no wall time such as 2026-12-20T00:00; the zone is said apart")
    return at


def _positive(known: Fields, name: str) -> float:
    value = number_in(known, name)
    if value <= 0:
        raise Invalid(f"{name} is not more than nothing")
    return value


def _whole(known: Fields, name: str) -> int:
    value = known.optional_int(name)
    if value is None or value < 1:
        raise Invalid(f"{name} is no whole number from 1 on")
    return value
