"""Retention: whose bytes may go, decided from values alone, with a reason for each decision.

Rules, in words: only bytes ever go, and only those of artifacts and datasets; manifests, prompts, configs, code, suites and
history stay for ever. What is live, runs as a canary, would be rolled back to, is held, is the latest of its pipeline, or
went into something of these can't go, whatever a policy says. Everything else goes unless one rule of the policy keeps it:
the most protective rule wins. A part of a policy that says nothing keeps everything. What two releases share stays while
one of them keeps it.

    >>> noon = datetime(2026, 11, 2, 12, tzinfo=UTC)
    >>> router = [Item(ComponentName("router"), Kind.ARTIFACT, Part.FILES, ContentDigest.of(one)) for one in (b"1", b"2")]
    >>> records = [Record(ReleaseId.of(b"%d" % number), number, noon, (router[number - 1],)) for number in (1, 2)]
    >>> for one in decide(Policy(Rules(keep_last=1)), History(records, newest=2), noon): print(one.number, one.keeps, one.why)
    1 False not one of the last 1
    2 True the latest release
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta

from lastgood.ids import ComponentName, ContentDigest, ReleaseId
from lastgood.model.component import Kind
from lastgood.model.parts import Part

REMOVABLE = frozenset({Kind.ARTIFACT, Kind.DATASET})
"""The kinds whose bytes a policy may remove; the others are small, and are what a later question is answered from."""

ROLLBACKS = 3
"""How many of the last deployments of each environment are rollback targets where a policy does not say."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is kept; None where a rule is not set.

    Attributes:
        keep_last: the newest releases, so many of them.
        keep_deployed: what was deployed within a period, by environment; `*` for those that are not named.
        keep_tagged: what has a tag.
        keep_daily, keep_weekly, keep_monthly: the newest of each of the last so many days, weeks, months (UTC) that have any.
        keep_every: of the checkpoints of a training run each so many-th, the first and the last.
        min_age: what is younger.
    """

    keep_last: int | None = None
    keep_deployed: Mapping[str, timedelta] | None = None
    keep_tagged: bool | None = None
    keep_daily: int | None = None
    keep_weekly: int | None = None
    keep_monthly: int | None = None
    keep_every: int | None = None
    min_age: timedelta | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether no rule is set, so that everything is kept."""
        return all(getattr(self, one.name) is None for one in fields(self))

    def over(self, general: Rules) -> Rules:
        """Return these rules, with the general ones where these say nothing."""
        return Rules(
            **{one.name: getattr(general, one.name) if getattr(self, one.name) is None else getattr(self, one.name) for one in fields(self)}
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A pipeline's policy.

    Attributes:
        rules: for everything that is not named below.
        kinds: what a kind says in their place.
        optimizer: what is said of optimizer state in their place.
        rollbacks: how many of the last deployments of each environment stay, whatever else is said.
    """

    rules: Rules = field(default_factory=Rules)
    kinds: Mapping[Kind, Rules] = field(default_factory=dict)
    optimizer: Rules | None = None
    rollbacks: int = ROLLBACKS

    def rules_of(self, kind: Kind, part: Part) -> Rules:
        """Return the rules for a part of a kind."""
        of_kind = self.kinds[kind].over(self.rules) if kind in self.kinds else self.rules
        return self.optimizer.over(of_kind) if part is Part.OPTIMIZER and self.optimizer is not None else of_kind


@dataclass(frozen=True, slots=True)
class Item:
    """A part of a component of a release, whose bytes are there.

    Attributes:
        run: tells apart the training runs that its checkpoints come from; None where it was not said how it was made.
        inputs: the contents that it was made from.
    """

    component: ComponentName
    kind: Kind
    part: Part
    content: ContentDigest
    run: str | None = None
    inputs: frozenset[ContentDigest] = frozenset()


@dataclass(frozen=True, slots=True)
class Record:
    """A release as retention sees it.

    Attributes:
        inputs: the contents that its components were made from, those of every kind.
    """

    release: ReleaseId
    number: int
    recorded_at: datetime
    items: tuple[Item, ...] = ()
    inputs: frozenset[ContentDigest] = frozenset()
    tags: tuple[str, ...] = ()
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Stay:
    """How long an environment was on a release, as what counts there or as its canary; `until` is None while it is."""

    environment: str
    number: int
    since: datetime
    until: datetime | None
    is_canary: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """What is decided from.

    Attributes:
        records: the releases of one pipeline.
        stays: where they were, by environment in the order in which they came.
        good: where a rollback would go, by environment.
        newest: the number of the latest release.
    """

    records: Sequence[Record]
    stays: Sequence[Stay] = ()
    good: Mapping[str, int] = field(default_factory=dict)
    newest: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the bytes of a part stay, and why, the most protective reason first."""

    number: int
    release: ReleaseId
    item: Item
    keeps: bool
    reasons: tuple[str, ...]

    @property
    def why(self) -> str:
        """The reason that decided, or where nothing keeps it, all that failed to."""
        return self.reasons[0] if self.keeps else "; ".join(self.reasons)


def decide(policy: Policy, history: History, now: datetime) -> list[Decision]:
    """Decide about every part of every release, in their order."""
    return _Deciding(policy, history, now).decide()


class _Deciding:
    def __init__(self, policy: Policy, history: History, now: datetime) -> None:
        self._policy = policy
        self._history = history
        self._now = now
        self._ranks = {number: rank for rank, number in enumerate(sorted((one.number for one in history.records), reverse=True))}
        self._newest = {period: _newest_of_periods(history.records, period) for period in ("day", "week", "month")}
        self._runs = _runs(history.records)
        self._last = _last_deployments(history.stays, policy.rollbacks)
        self._stays: dict[int, list[Stay]] = {}
        for stay in history.stays:
            self._stays.setdefault(stay.number, []).append(stay)
        self._fixed = {record.number: list(self._protection(record)) for record in history.records}
        self._lineage = _lineage(history.records, [number for number, reasons in self._fixed.items() if reasons])

    def decide(self) -> list[Decision]:
        chosen = {(record.number, item): self._reasons(record, item) for record in self._history.records for item in record.items}
        keepers: dict[tuple[ContentDigest, Part], int] = {}
        for (number, item), (keeps, _) in chosen.items():
            if keeps:
                keepers[(item.content, item.part)] = number
        decisions = []
        for record in self._history.records:
            for item in record.items:
                keeps, reasons = chosen[(record.number, item)]
                keeper = keepers.get((item.content, item.part))
                if not keeps and keeper is not None:
                    keeps, reasons = True, [f"r{keeper} has the same bytes and keeps them"]
                decisions.append(Decision(record.number, record.release, item, keeps, tuple(reasons)))
        return decisions

    def _reasons(self, record: Record, item: Item) -> tuple[bool, list[str]]:
        fixed = self._fixed[record.number]
        if fixed:
            return True, fixed
        if item.content in self._lineage:
            return True, [f"went into r{self._lineage[item.content]}, which stays"]
        rules = self._policy.rules_of(item.kind, item.part)
        if rules.says_nothing:
            return True, ["no rule says that it may go"]
        kept = list(_kept_by(self._asked(rules, record, item)))
        if kept:
            return True, kept
        return False, [failed for _, failed in self._asked(rules, record, item) if failed]

    def _protection(self, record: Record) -> Iterator[str]:
        """Yield why a release stays whatever a policy says."""
        if record.number == self._history.newest:
            yield "the latest release"
        for stay in self._stays.get(record.number, ()):
            if stay.until is None:
                yield f"{stay.environment} is on it" if not stay.is_canary else f"it is a canary in {stay.environment}"
        for environment, number in self._history.good.items():
            if number == record.number:
                yield f"a rollback of {environment} would go to it"
        for environment, last in self._last.items():
            if record.number in last:
                yield f"one of the last {self._policy.rollbacks} deployments of {environment}"
        if record.is_held:
            yield "held"

    def _asked(self, rules: Rules, record: Record, item: Item) -> Iterator[tuple[str, str]]:
        """Yield of each rule that is set why it keeps an item, or why it does not; one of the two is empty."""
        if rules.keep_last is not None:
            is_kept = self._ranks[record.number] < rules.keep_last
            yield _said(is_kept, f"one of the last {rules.keep_last}", f"not one of the last {rules.keep_last}")
        if rules.keep_deployed is not None:
            yield self._deployed(rules.keep_deployed, record)
        if rules.keep_tagged:
            yield _said(bool(record.tags), f"tagged {', '.join(record.tags)}", "not tagged")
        for period, name in ((rules.keep_daily, "day"), (rules.keep_weekly, "week"), (rules.keep_monthly, "month")):
            if period is not None:
                is_kept = record.number in self._newest[name][:period]
                yield _said(is_kept, f"the newest of its {name}", f"not the newest of one of the last {period} {name}s")
        if rules.keep_every is not None:
            yield self._checkpoint(rules.keep_every, item)
        if rules.min_age is not None:
            is_young = self._now - record.recorded_at < rules.min_age
            yield _said(is_young, f"younger than {_days(rules.min_age)}", f"older than {_days(rules.min_age)}")

    def _deployed(self, periods: Mapping[str, timedelta], record: Record) -> tuple[str, str]:
        last: Stay | None = None
        for stay in self._stays.get(record.number, ()):
            period = periods.get(stay.environment, periods.get("*"))
            until = stay.until or self._now
            if period is not None and self._now - until <= period:
                return f"in {stay.environment} within {_days(period)}", ""
            if last is None or until > (last.until or self._now):
                last = stay
        if last is None:
            return "", "never deployed"
        return "", f"last in {last.environment} until {(last.until or self._now).astimezone(UTC):%Y-%m-%d}"

    def _checkpoint(self, every: int, item: Item) -> tuple[str, str]:
        if item.run is None:
            return "", "of no training run that is known"
        run = self._runs[(item.component, item.part, item.run)]
        place = run[item.content]
        is_kept = place % every == 0 or place == len(run) - 1
        what = f"checkpoint {place + 1} of {len(run)} of its run"
        return _said(is_kept, what, f"{what}, where every {every}th is kept")


def _said(is_kept: bool, why: str, why_not: str) -> tuple[str, str]:  # noqa: FBT001 - what it answers
    return (why, "") if is_kept else ("", why_not)


def _kept_by(asked: Iterable[tuple[str, str]]) -> Iterator[str]:
    return (why for why, _ in asked if why)


def _days(period: timedelta) -> str:
    hours = int(period.total_seconds()) // 3600
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"


def _last_deployments(stays: Sequence[Stay], most: int) -> dict[str, set[int]]:
    """Return the releases of the last so many deployments of each environment."""
    last: dict[str, list[int]] = {}
    for stay in stays:
        if not stay.is_canary:
            last.setdefault(stay.environment, []).append(stay.number)
    return {environment: set(numbers[-most:]) if most else set() for environment, numbers in last.items()}


def _newest_of_periods(records: Sequence[Record], name: str) -> list[int]:
    """Return the newest release of each day, week or month that has one, the newest first."""
    newest: dict[tuple[int, ...], int] = {}
    for record in records:
        at = record.recorded_at.astimezone(UTC)
        day = (at.year, at.month, at.day)
        period = {"day": day, "week": tuple(at.isocalendar()[:2]), "month": day[:2]}[name]
        newest[period] = max(record.number, newest.get(period, 0))
    return [newest[period] for period in sorted(newest, reverse=True)]


def _runs(records: Sequence[Record]) -> dict[tuple[ComponentName, Part, str | None], dict[ContentDigest, int]]:
    """Return the checkpoints of each training run, with their places in it."""
    runs: dict[tuple[ComponentName, Part, str | None], dict[ContentDigest, int]] = {}
    for record in records:
        for item in record.items:
            run = runs.setdefault((item.component, item.part, item.run), {})
            run.setdefault(item.content, len(run))
    return runs


def _lineage(records: Sequence[Record], protected: Sequence[int]) -> dict[ContentDigest, int]:
    """Return the contents that went into protected releases, and what went into those, each with the release it went into."""
    made_from: dict[ContentDigest, frozenset[ContentDigest]] = {}
    for record in records:
        for item in record.items:
            made_from[item.content] = made_from.get(item.content, frozenset()) | item.inputs
    by_number = {record.number: record for record in records}
    found: dict[ContentDigest, int] = {}
    waiting = [(content, number) for number in protected if number in by_number for content in sorted(by_number[number].inputs)]
    while waiting:
        content, number = waiting.pop()
        if content in found:
            continue
        found[content] = number
        waiting += [(more, number) for more in sorted(made_from.get(content, ()))]
    return found
