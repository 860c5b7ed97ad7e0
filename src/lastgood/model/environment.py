"""Environments: a stack of deployments, and what a deploy, a rollback and a mark mean for it.

The transition table (B is the target, A the top; `stack` reads from the top down):

    operation              stack before     stack after      marks
    deploy B               A …              B A …            B is no longer suspect
    deploy A               A …              unchanged        none
    rollback               A … G …          G …              popped entries that differ from G become suspect
    rollback --to G        A … G …          G …              likewise; G is no longer suspect
    rollback --to X        A C …            X C …            A becomes suspect if it differs from X
    mark bad               unchanged        unchanged        its behavior is bad in every environment
    mark good              unchanged        unchanged        its behavior is neither bad nor suspect anywhere

G, the *last good*, is the nearest entry below the top that is neither bad nor suspect and behaves differently from the
top; X is a release that was deployed here before but is no longer on the stack. So a second rollback goes further
back, never forward. A bad release is refused by every operation. The decisions here do no I/O: the stack is any
iterable from the top down, read only as far as the decision needs.

    >>> a, b = (ReleaseId.of(name) for name in (b"a", b"b"))
    >>> same = BehaviorDigest.of(b"1")
    >>> stack = [Entry(2, b, BehaviorDigest.of(b"2")), Entry(1, a, same)]
    >>> last_good(stack, Marks()).release == a
    True
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lastgood.errors import BadRelease, NotFound, NothingGood
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
class Move:
    """What moving an environment would do.

    Attributes:
        release: what it moves to, and how that behaves.
        entry: the revision of the stack entry that becomes the top, or None for a new entry.
        below: the revision of the entry under the new top, where the top is a new entry.
        suspects: the behaviors that become suspect.
        cleared: the behavior that is no longer suspect.
    """

    release: ReleaseId
    behavior: BehaviorDigest
    entry: int | None
    below: int | None
    suspects: tuple[BehaviorDigest, ...] = ()
    cleared: BehaviorDigest | None = None


def plan_deploy(name: EnvironmentName, target: Target, stack: Iterable[Entry], marks: Marks) -> Move | None:
    """Decide what deploying a release does; None where it is live already.

    Raises:
        BadRelease: somebody marked its behavior bad.
    """
    top = next(iter(stack), None)
    if top is not None and top.release == target.release:
        return None
    refuse_bad(name, target, marks)
    return Move(
        target.release,
        target.behavior,
        entry=None,
        below=top.revision if top else None,
        cleared=target.behavior if target.behavior in marks.suspect else None,
    )


def last_good(stack: Iterable[Entry], marks: Marks) -> Entry | None:
    """Return where a rollback would go: see the rule of this module; None where nothing good is left."""
    entries = iter(stack)
    top = next(entries, None)
    if top is None:
        return None
    return next(
        (entry for entry in entries if entry.behavior != top.behavior and marks.allows(entry.behavior)),
        None,
    )


def plan_rollback(name: EnvironmentName, stack: Iterable[Entry], marks: Marks) -> Move:
    """Decide what `rollback` without a target does.

    Raises:
        NotFound: the environment has no deployment.
        NothingGood: no entry below the top is good.
    """
    popped: list[Entry] = []
    top: Entry | None = None
    for entry in stack:
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
) -> Move | None:
    """Decide what `rollback --to` does; None where the target is live already.

    Raises:
        NotFound: the environment has no deployment, or the target was never deployed there.
        BadRelease: somebody marked its behavior bad.
    """
    entries = list(stack)
    if not entries:
        raise NotFound(f"{name} has no deployment yet, so there is nothing to roll back", hint="lastgood env list")
    if entries[0].release == target.release:
        return None
    refuse_bad(name, target, marks)
    for position, entry in enumerate(entries):
        if entry.release == target.release:
            return _pop_to(entry, entries[:position], marks)
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
        suspects=_doubted([top], target.behavior),
        cleared=target.behavior if target.behavior in marks.suspect else None,
    )


def _pop_to(entry: Entry, popped: list[Entry], marks: Marks) -> Move:
    return Move(
        entry.release,
        entry.behavior,
        entry=entry.revision,
        below=None,
        suspects=_doubted(popped, entry.behavior),
        cleared=entry.behavior if entry.behavior in marks.suspect else None,
    )


def _doubted(popped: list[Entry], target: BehaviorDigest) -> tuple[BehaviorDigest, ...]:
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
