"""Environments: a stack of deployments, and what a deploy, a rollback and a mark mean for it.

The transition table (A is the top, B another release; `stack` reads from the top down). Without a canary:

    operation              stack before     stack after      marks, canary
    deploy B               A …              B A …            B is no longer suspect
    deploy A               A …              unchanged        none
    rollback               A … G …          G …              popped entries that differ from G become suspect
    rollback --to G        A … G …          G …              likewise; G is no longer suspect
    rollback --to X        A C …            X C …            A becomes suspect if it differs from X
    canary B               A …              unchanged        B runs beside A and is no longer suspect
    canary A               A …              refused          conflict: A runs for everybody already
    canary B               nothing          refused          not found: a canary stands beside something
    promote, abort         any              refused          not found: no canary runs
    mark bad               unchanged        unchanged        its behavior is bad in every environment
    mark good              unchanged        unchanged        its behavior is neither bad nor suspect anywhere

While a canary B runs beside A:

    operation              stack before     stack after      marks, canary
    deploy A               A …              unchanged        none; B goes on
    deploy B, deploy C     A …              refused          conflict: promote or abort first
    canary B               A …              unchanged        B takes another share; the same share changes nothing
    canary C               A …              refused          conflict: promote or abort first
    promote                A …              B A …            the canary ends as the top
    abort                  A …              unchanged        the canary ends; nobody is suspect
    rollback, --to A       A …              unchanged        the canary ends; B becomes suspect if it differs from A
    rollback --to X        A …              as without       the same, and what is left of A … becomes suspect

G, the *last good*, is the nearest entry below the top that is neither bad nor suspect and behaves differently from the
top; while a canary runs it is the top itself, since that is where a rollback stays. X is a release that was deployed here
before but is no longer on the stack; to have been a canary is not to have been deployed. So a second rollback goes further
back, never forward. A bad release is refused by every operation that would run it, and raising a canary's share is one. What
a rollback stays on is not looked at: to end a canary is never refused. An undo brings back what the move before had left,
stack, canary and suspicions, if nothing has moved since. The decisions here do no I/O: the stack is any iterable from the
top down, read only as far as the decision needs.

    >>> a, b = (ReleaseId.of(name) for name in (b"a", b"b"))
    >>> same = BehaviorDigest.of(b"1")
    >>> stack = [Entry(2, b, BehaviorDigest.of(b"2")), Entry(1, a, same)]
    >>> last_good(stack, Marks()).release == a
    True
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lastgood.errors import BadRelease, CanaryRunning, Conflict, NotFound, NothingGood
from lastgood.ids import BehaviorDigest, EnvironmentName, ReleaseId


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an environment's stack: the revision that pushed it, its release and how that behaves."""

    revision: int
    release: ReleaseId
    behavior: BehaviorDigest


@dataclass(frozen=True, slots=True)
class Target:
    """A release that an environment might be moved to; `label` is how people know it, such as `r42`."""

    release: ReleaseId
    behavior: BehaviorDigest
    label: str


@dataclass(frozen=True, slots=True)
class Marks:
    """What is held against behaviors: `bad` everywhere, `suspect` in the environment at hand."""

    bad: frozenset[BehaviorDigest] = frozenset()
    suspect: frozenset[BehaviorDigest] = frozenset()

    def allows(self, behavior: BehaviorDigest) -> bool:
        """Whether a behavior is neither bad nor suspect."""
        return behavior not in self.bad and behavior not in self.suspect


@dataclass(frozen=True, slots=True)
class Canary:
    """What runs beside the top, for a share of the calls in percent."""

    release: ReleaseId
    behavior: BehaviorDigest
    percent: int


@dataclass(frozen=True, slots=True)
class Move:
    """What moving an environment would do.

    Attributes:
        release: what it moves to, and how that behaves.
        entry: the revision of the stack entry that becomes the top, or None for a new entry.
        below: the revision of the entry under the new top, where the top is a new entry.
        suspects: the behaviors that become suspect.
        cleared: the behavior that is no longer suspect.
        lifted: behaviors whose suspicion an undo takes back.
        canary: what runs beside it afterwards.
        ended: the canary that ends.
    """

    release: ReleaseId
    behavior: BehaviorDigest
    entry: int | None
    below: int | None
    suspects: tuple[BehaviorDigest, ...] = ()
    cleared: BehaviorDigest | None = None
    lifted: tuple[BehaviorDigest, ...] = ()
    canary: Canary | None = None
    ended: Canary | None = None


def plan_deploy(name: EnvironmentName, target: Target, stack: Iterable[Entry], marks: Marks, canary: Canary | None = None) -> Move | None:
    """Decide what deploying a release does; None where it is live already.

    Raises:
        CanaryRunning: a canary has to be promoted or aborted first.
        BadRelease: somebody marked its behavior bad.
    """
    top = next(iter(stack), None)
    if top is not None and top.release == target.release:
        return None
    _require_no_other(name, target, canary, "deploy")
    refuse_bad(name, target, marks)
    return Move(
        target.release,
        target.behavior,
        entry=None,
        below=top.revision if top else None,
        cleared=target.behavior if target.behavior in marks.suspect else None,
    )


def plan_canary(
    name: EnvironmentName, target: Target, percent: int, stack: Iterable[Entry], marks: Marks, *, canary: Canary | None
) -> Move | None:
    """Decide what running a release beside the top does; None where it has this share already.

    Args:
        name: the environment.
        target: what to run.
        percent: for which share of the calls, from 1 to 99.
        stack: from the top down.
        marks: what is held against behaviors.
        canary: what runs beside the top already.

    Raises:
        NotFound: the environment has no deployment.
        Conflict: the release is live already.
        CanaryRunning: another canary runs.
        BadRelease: somebody marked its behavior bad.
    """
    top = next(iter(stack), None)
    if top is None:
        raise NotFound(
            f"{name} has no deployment yet, so there is nothing that a canary could stand beside",
            hint=f"lastgood deploy {name} {target.label}",
        )
    if top.release == target.release:
        raise Conflict(f"{name} is on {target.label} for every call already; nothing was changed", hint=f"lastgood env show {name}")
    if canary is not None and canary.release != target.release:
        _require_no_other(name, target, canary, "try")
    if canary is not None and canary.percent == percent:
        return None
    refuse_bad(name, target, marks)
    cleared = target.behavior if target.behavior in marks.suspect else None
    running = Canary(target.release, target.behavior, percent)
    return Move(top.release, top.behavior, entry=top.revision, below=None, cleared=cleared, canary=running)


def plan_promote(name: EnvironmentName, stack: Iterable[Entry], marks: Marks, canary: Canary | None, label: str) -> Move:
    """Decide what making the canary the top does; `label` is how people know its release.

    Raises:
        NotFound: no canary runs.
        BadRelease: somebody marked its behavior bad.
    """
    running = _require_canary(name, canary)
    refuse_bad(name, Target(running.release, running.behavior, label), marks)
    top = next(iter(stack), None)
    below = top.revision if top else None
    cleared = running.behavior if running.behavior in marks.suspect else None
    return Move(running.release, running.behavior, entry=None, below=below, cleared=cleared, ended=running)


def plan_abort(name: EnvironmentName, stack: Iterable[Entry], canary: Canary | None) -> Move:
    """Decide what ending the canary does.

    Raises:
        NotFound: no canary runs.
    """
    running = _require_canary(name, canary)
    return _stay(next(iter(stack)), running, suspects=())


def _require_canary(name: EnvironmentName, canary: Canary | None) -> Canary:
    if canary is None:
        raise NotFound(f"no canary runs in {name}; nothing was changed", hint=f"lastgood deploy {name} REV --canary 10")
    return canary


def _require_no_other(name: EnvironmentName, target: Target, canary: Canary | None, verb: str) -> None:
    if canary is None:
        return
    if canary.release == target.release:
        raise CanaryRunning(
            f"{target.label} runs in {name} as a canary for {canary.percent}% of the calls; nothing was changed",
            hint=f"lastgood deploy {name} --promote, or --abort",
        )
    raise CanaryRunning(
        f"another release runs in {name} as a canary for {canary.percent}% of the calls; nothing was changed",
        hint=f"lastgood deploy {name} --promote, or --abort, before you {verb} {target.label}",
    )


def _stay(top: Entry, ended: Canary, *, suspects: tuple[BehaviorDigest, ...]) -> Move:
    return Move(top.release, top.behavior, entry=top.revision, below=None, suspects=suspects, ended=ended)


def last_good(stack: Iterable[Entry], marks: Marks, canary: Canary | None = None) -> Entry | None:
    """Return where a rollback would go: see the rule of this module; None where nothing good is left."""
    entries = iter(stack)
    top = next(entries, None)
    if top is None or canary is not None:
        return top
    return next(
        (entry for entry in entries if entry.behavior != top.behavior and marks.allows(entry.behavior)),
        None,
    )


def plan_rollback(name: EnvironmentName, stack: Iterable[Entry], marks: Marks, canary: Canary | None = None) -> Move:
    """Decide what `rollback` without a target does; while a canary runs it ends that and stays on the top.

    Raises:
        NotFound: the environment has no deployment.
        NothingGood: no entry below the top is good.
    """
    popped: list[Entry] = []
    top: Entry | None = None
    for entry in stack:
        if canary is not None:
            return _stay(entry, canary, suspects=_doubted([canary], entry.behavior))
        if top is None:
            top = entry
        elif entry.behavior != top.behavior and marks.allows(entry.behavior):
            return _pop_to(entry, popped, marks)
        popped.append(entry)
    if top is None:
        raise NotFound(f"{name} has no deployment yet, so there is nothing to roll back", hint="lastgood env list")
    raise NothingGood(
        f"{name} has no earlier release that is neither bad nor suspect; it stays on what it is",
        hint=f"lastgood log --env {name}, then lastgood rollback {name} --to REV",
    )


def plan_rollback_to(
    name: EnvironmentName,
    target: Target,
    stack: Iterable[Entry],
    marks: Marks,
    *,
    deployed_before: bool,
    canary: Canary | None = None,
) -> Move | None:
    """Decide what `rollback --to` does; None where the target is live already, and no canary runs beside it.

    Raises:
        NotFound: the environment has no deployment, or the target was never deployed there.
        BadRelease: somebody marked its behavior bad.
    """
    entries = list(stack)
    if not entries:
        raise NotFound(f"{name} has no deployment yet, so there is nothing to roll back", hint="lastgood env list")
    if entries[0].release == target.release:
        return None if canary is None else _stay(entries[0], canary, suspects=_doubted([canary], entries[0].behavior))
    refuse_bad(name, target, marks)
    for position, entry in enumerate(entries):
        if entry.release == target.release:
            return _pop_to(entry, entries[:position], marks, canary)
    if not deployed_before:
        raise NotFound(
            f"{target.label} was never deployed to {name}; it stays on what it is",
            hint=f"lastgood deploy {name} {target.label}",
        )
    top, below = entries[0], entries[1] if len(entries) > 1 else None
    return Move(
        target.release,
        target.behavior,
        entry=None,
        below=below.revision if below else None,
        suspects=_doubted(_with_canary([top], canary), target.behavior),
        cleared=target.behavior if target.behavior in marks.suspect else None,
        ended=canary,
    )


def _with_canary(popped: Sequence[Entry], canary: Canary | None) -> list[Entry | Canary]:
    return [*popped, *([] if canary is None else [canary])]


def _pop_to(entry: Entry, popped: list[Entry], marks: Marks, canary: Canary | None = None) -> Move:
    return Move(
        entry.release,
        entry.behavior,
        entry=entry.revision,
        below=None,
        suspects=_doubted(_with_canary(popped, canary), entry.behavior),
        cleared=entry.behavior if entry.behavior in marks.suspect else None,
        ended=canary,
    )


def _doubted(popped: Sequence[Entry | Canary], target: BehaviorDigest) -> tuple[BehaviorDigest, ...]:
    return tuple(sorted({entry.behavior for entry in popped if entry.behavior != target}))


def refuse_bad(name: EnvironmentName, target: Target, marks: Marks) -> None:
    """Refuse a release whose behavior somebody marked bad.

    Raises:
        BadRelease: it is marked so.
    """
    if target.behavior in marks.bad:
        raise BadRelease(
            f"{target.label} behaves like a release that was marked bad; {name} stays on what it is",
            hint=f"lastgood show {target.label} says why; lastgood mark good {target.label} --why … lifts the mark",
        )
