"""A judgement: what all gates of a policy said of one move, and what came of it; the form in which history keeps it.

>>> judged = Judgement(policy=None, verdicts=())
>>> judged.is_open, judged.refusing
(True, ())
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lastgood.canonical import Json, JsonObject
from lastgood.errors import GateRefused
from lastgood.ids import EnvironmentName, PolicyDigest
from lastgood.model.fields import Fields
from lastgood.model.gates.verdict import GateVerdict, Outcome


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the gates said.

    Attributes:
        policy: the policy that holds, or None where there is none.
        verdicts: of each gate.
        overridden: whether the move was made in spite of refusals.
        skipped: whether the move passes by the gates, as a rollback does.
    """

    policy: PolicyDigest | None
    verdicts: tuple[GateVerdict, ...]
    overridden: bool = False
    skipped: bool = False

    @property
    def is_open(self) -> bool:
        """Whether there is no gate at all."""
        return not self.verdicts

    @property
    def refusing(self) -> tuple[GateVerdict, ...]:
        """The verdicts that do not let the release through."""
        return tuple(one for one in self.verdicts if not one.passed)

    def to_json(self) -> JsonObject | None:
        """Return it for the record; None where there is no policy."""
        if self.policy is None:
            return None
        return {
            "policy": str(self.policy),
            "overridden": self.overridden,
            "skipped": self.skipped,
            "verdicts": [one.to_json() for one in self.verdicts],
        }


UNJUDGED = Judgement(None, ())
"""Of a move to an environment that has no policy."""


def judgement_from_json(document: Mapping[str, Json] | None) -> Judgement:
    """Read a judgement as it was recorded.

    Raises:
        InvalidManifest: it is none.
    """
    if document is None:
        return UNJUDGED
    known = Fields(dict(document), "a judgement")
    written = known.value("verdicts")
    return Judgement(
        policy=known.digest("policy", PolicyDigest),
        verdicts=tuple(_verdict(one) for one in written) if isinstance(written, list) else (),
        overridden=known.flag("overridden"),
        skipped=known.flag("skipped"),
    )


def _verdict(document: Json) -> GateVerdict:
    known = Fields(document, "a verdict")
    return GateVerdict(
        gate=known.text("gate"),
        outcome=Outcome(known.text("outcome")),
        told=known.text("told"),
        details=known.mapping("details"),
        overridable=known.flag("overridable"),
    )


def require_passed(environment: EnvironmentName, release: str, judged: Judgement, *, override: bool) -> Judgement:
    """Return the judgement of a move that may be made.

    Args:
        environment: where to.
        release: what, as people know it.
        judged: what the gates say.
        override: whether somebody asked to go on in spite of refusals.

    Raises:
        GateRefused: a gate refuses, and nobody may or did override it.
    """
    refusing = judged.refusing
    firm = tuple(one for one in refusing if not one.overridable)
    if not refusing:
        return judged
    if override and not firm:
        return Judgement(judged.policy, judged.verdicts, overridden=True)
    count = f"{len(refusing)} of {len(judged.verdicts)} gates"
    lines = "\n".join(f"  {one.line}" for one in refusing)
    message = f"{count} of {environment} refuse{'s' if len(refusing) == 1 else ''} {release}; {environment} stays on what it is\n{lines}"
    details = {"gates": [one.to_json() for one in judged.verdicts], "policy": str(judged.policy)}
    if override:
        names = ", ".join(one.gate for one in firm)
        raise GateRefused(
            f"{message}\nthe policy lets nobody override {names}", hint=f"lastgood policy show {environment}", details=details
        )
    hint = f"meet them, or lastgood deploy {environment} {release} --override --reason …" if not firm else None
    raise GateRefused(message, hint=hint or f"lastgood policy show {environment}", details=details)
