"""The transition table of canaries, decided without a registry: each line of it, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lastgood.errors import BadRelease, CanaryRunning, Conflict, LastgoodError, NotFound
from lastgood.ids import BehaviorDigest, EnvironmentName, ReleaseId
from lastgood.model.environment import (
    Canary,
    Entry,
    Marks,
    Move,
    Target,
    last_good,
    plan_abort,
    plan_canary,
    plan_deploy,
    plan_promote,
    plan_rollback,
    plan_rollback_to,
)

PROD = EnvironmentName("prod")
A, B, C, G = (ReleaseId.of(name) for name in (b"a", b"b", b"c", b"g"))


def behaves(release: ReleaseId) -> BehaviorDigest:
    return BehaviorDigest.of(release)


def target(release: ReleaseId) -> Target:
    return Target(release, behaves(release), "r9")


def running(release: ReleaseId, percent: int = 10) -> Canary:
    return Canary(release, behaves(release), percent)


STACK = [Entry(2, A, behaves(A)), Entry(1, G, behaves(G))]
STAYS: dict[str, Any] = {"release": A, "behavior": behaves(A), "entry": 2, "below": None}
BESIDE = running(B)


def test_a_canary_starts_beside_the_top() -> None:
    assert plan_canary(PROD, target(B), 10, STACK, Marks(), canary=None) == Move(**STAYS, canary=BESIDE)


def test_a_suspect_canary_is_cleared() -> None:
    move = plan_canary(PROD, target(B), 10, STACK, Marks(suspect=frozenset({behaves(B)})), canary=None)
    assert move == Move(**STAYS, canary=BESIDE, cleared=behaves(B))


def test_another_share_of_the_same_canary() -> None:
    assert plan_canary(PROD, target(B), 30, STACK, Marks(), canary=BESIDE) == Move(**STAYS, canary=running(B, 30))
    assert plan_canary(PROD, target(B), 10, STACK, Marks(), canary=BESIDE) is None


def test_promoting_pushes_it() -> None:
    move = plan_promote(PROD, STACK, Marks(), BESIDE, "r9")
    assert move == Move(B, behaves(B), entry=None, below=2, ended=BESIDE)


def test_aborting_changes_nothing_else() -> None:
    assert plan_abort(PROD, STACK, BESIDE) == Move(**STAYS, ended=BESIDE)


def test_a_rollback_stays_on_the_top_and_doubts_the_canary() -> None:
    expected = Move(**STAYS, suspects=(behaves(B),), ended=BESIDE)
    assert plan_rollback(PROD, STACK, Marks(), BESIDE) == expected
    assert plan_rollback_to(PROD, target(A), STACK, Marks(), deployed_before=True, canary=BESIDE) == expected


def test_to_end_a_canary_is_never_refused() -> None:
    every = Marks(bad=frozenset({behaves(A), behaves(B), behaves(G)}))
    assert plan_rollback(PROD, STACK[:1], every, BESIDE).ended == BESIDE
    assert plan_abort(PROD, STACK, BESIDE).ended == BESIDE


def test_a_canary_that_behaves_like_the_top_is_not_doubted() -> None:
    alike = Canary(B, behaves(A), 10)
    assert plan_rollback(PROD, STACK, Marks(), alike) == Move(**STAYS, ended=alike)


def test_a_rollback_further_back_doubts_both() -> None:
    move = plan_rollback_to(PROD, target(G), STACK, Marks(), deployed_before=True, canary=BESIDE)
    assert move == Move(G, behaves(G), entry=1, below=None, suspects=tuple(sorted([behaves(A), behaves(B)])), ended=BESIDE)
    move = plan_rollback_to(PROD, target(C), STACK, Marks(), deployed_before=True, canary=BESIDE)
    assert move == Move(C, behaves(C), entry=None, below=1, suspects=tuple(sorted([behaves(A), behaves(B)])), ended=BESIDE)


def test_deploying_the_top_leaves_the_canary() -> None:
    assert plan_deploy(PROD, target(A), STACK, Marks(), BESIDE) is None


def test_last_good_is_where_a_rollback_stays() -> None:
    assert last_good(STACK, Marks(), BESIDE) == STACK[0]
    assert last_good(STACK, Marks()) == STACK[1]
    assert last_good([], Marks()) is None


BAD = Marks(bad=frozenset({behaves(B)}))
REFUSED: dict[str, tuple[type[LastgoodError], Callable[[], object]]] = {
    "a canary beside nothing": (NotFound, lambda: plan_canary(PROD, target(B), 10, [], Marks(), canary=None)),
    "a canary of the top": (Conflict, lambda: plan_canary(PROD, target(A), 10, STACK, Marks(), canary=None)),
    "a canary of the top beside a canary": (Conflict, lambda: plan_canary(PROD, target(A), 10, STACK, Marks(), canary=BESIDE)),
    "another canary": (CanaryRunning, lambda: plan_canary(PROD, target(C), 10, STACK, Marks(), canary=BESIDE)),
    "a bad canary": (BadRelease, lambda: plan_canary(PROD, target(B), 10, STACK, BAD, canary=None)),
    "more of a canary that turned bad": (BadRelease, lambda: plan_canary(PROD, target(B), 20, STACK, BAD, canary=BESIDE)),
    "promoting nothing": (NotFound, lambda: plan_promote(PROD, STACK, Marks(), None, "")),
    "promoting what turned bad": (BadRelease, lambda: plan_promote(PROD, STACK, BAD, BESIDE, "r9")),
    "aborting nothing": (NotFound, lambda: plan_abort(PROD, STACK, None)),
    "deploying the canary": (CanaryRunning, lambda: plan_deploy(PROD, target(B), STACK, Marks(), BESIDE)),
    "deploying another": (CanaryRunning, lambda: plan_deploy(PROD, target(C), STACK, Marks(), BESIDE)),
    "going back to a bad one": (
        BadRelease,
        lambda: plan_rollback_to(PROD, target(B), STACK, BAD, deployed_before=True, canary=running(C)),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    error, attempt = REFUSED[name]
    with pytest.raises(error) as caught:
        attempt()
    assert type(caught.value) is error
    assert "nothing was changed" in caught.value.message or "stays on what it is" in caught.value.message or error is NotFound
