"""What gates are judged by: everything known of a release that could matter, as plain values.

Rule: what is not known is None, or is left out of its mapping, and is never made up.

    >>> Evidence(release="r42", behavior=BehaviorDigest.of(b"")).signed is None
    True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from lastgood.ids import BehaviorDigest, ComponentName, EnvironmentName


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric of a release.

    Attributes:
        release: the release whose evaluation it is from, as people know it.
        value: the mean over all cases.
        cases: the score of each case.
    """

    release: str
    value: float
    cases: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """Why a metric of a release is not known, with the next step."""

    why: str


@dataclass(frozen=True, slots=True)
class Presence:
    """How long an environment was on a behavior; `until` is None while it is."""

    behavior: BehaviorDigest
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class KeptBytes:
    """What is known of the bytes of a release.

    Attributes:
        problem: what is missing or wrong, or None where every byte is there.
        files, bytes: how much was looked at.
        verified_at: when all of it was read and proven, or None.
    """

    problem: str | None
    files: int = 0
    bytes: int = 0
    verified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a release that an environment might move to.

    Attributes:
        release: how people know it: `r42`.
        author: who made it; None where the name was erased.
        approvers: who approved it for the environment, None for a name that was erased; or None where that is not known.
        components: what it is made of.
        signed: whether it is signed by a key that counts; None where nobody can say.
        open_incidents: the incidents of the environment that are open; None where that is not known.
        stays: of each environment that exists, what it was on and when, oldest first.
        measured: of each metric that a gate asks for, the release's value.
        live: how people know what the environment is on now, or None where it is on nothing.
        live_measured: of each metric, the value of what the environment is on now.
        kept: what is known of its bytes.
        zones: the time zones by name, as far as this machine knows them.
    """

    release: str
    behavior: BehaviorDigest
    author: str | None = None
    approvers: tuple[str | None, ...] | None = None
    components: frozenset[ComponentName] | None = None
    signed: bool | None = None
    open_incidents: tuple[str, ...] | None = None
    stays: Mapping[EnvironmentName, tuple[Presence, ...]] = field(default_factory=dict)
    measured: Mapping[str, Measured | Unmeasured] = field(default_factory=dict)
    live: str | None = None
    live_measured: Mapping[str, Measured | Unmeasured] = field(default_factory=dict)
    kept: KeptBytes | None = None
    zones: Mapping[str, tzinfo] = field(default_factory=dict)
