"""What a deploy, a rollback and a mark mean: the transition table, and long random lives against a simple memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.errors import BadRelease, LastgoodError, NotFound, NothingGood
from lastgood.ids import BehaviorDigest, EnvironmentName, ReleaseId
from lastgood.model.changes.releases import Verdict
from lastgood.model.environment import Entry, Marks, Move, Target, last_good, plan_deploy, plan_rollback, plan_rollback_to, refuse_bad
from tests.model.memory import PLACES, Memory, Release, World
from tests.model.values import effort

PROD = EnvironmentName("prod")
PROMPTS = "aabbcda"
"""How each release behaves, from r1 on: r1, r2 and r7 alike, r3 and r4 alike."""


def behavior(number: int) -> BehaviorDigest:
    return BehaviorDigest.of(PROMPTS[number - 1].encode())


def release(number: int) -> ReleaseId:
    return ReleaseId.of(str(number).encode())


def target(number: int) -> Target:
    return Target(release(number), behavior(number), f"r{number}")


def stack(*numbers: int) -> list[Entry]:
    """Return a stack from the top down, whose entries' revisions count up from the bottom."""
    return [Entry(len(numbers) - place, release(number), behavior(number)) for place, number in enumerate(numbers)]


def marks(bad: tuple[int, ...] = (), suspect: tuple[int, ...] = ()) -> Marks:
    return Marks(frozenset(map(behavior, bad)), frozenset(map(behavior, suspect)))


def move(
    number: int, *, entry: int | None = None, below: int | None = None, suspects: tuple[int, ...] = (), cleared: int | None = None
) -> Move:
    doubted = tuple(sorted(map(behavior, suspects)))
    return Move(release(number), behavior(number), entry, below, doubted, None if cleared is None else behavior(cleared))


@pytest.mark.parametrize(
    ("number", "before", "held", "expected"),
    [
        (1, stack(), marks(), move(1)),
        (3, stack(1), marks(), move(3, below=1)),
        (1, stack(1), marks(), None),
        (1, stack(1), marks(bad=(1,)), None),
        (2, stack(1), marks(), move(2, below=1)),
        (1, stack(3, 1), marks(), move(1, below=2)),
        (3, stack(1), marks(suspect=(3,)), move(3, below=1, cleared=3)),
        (3, stack(1), marks(suspect=(4, 5)), move(3, below=1, cleared=4)),
    ],
)
def test_deploy(number: int, before: list[Entry], held: Marks, expected: Move | None) -> None:
    assert plan_deploy(PROD, target(number), before, held) == expected


@pytest.mark.parametrize(
    ("before", "held", "expected"),
    [
        (stack(3, 1), marks(), move(1, entry=1, suspects=(3,))),
        (stack(5, 3, 1), marks(), move(3, entry=2, suspects=(5,))),
        (stack(5, 3, 1), marks(suspect=(3,)), move(1, entry=1, suspects=(5, 3))),
        (stack(5, 3, 1), marks(bad=(3,)), move(1, entry=1, suspects=(5, 3))),
        # What behaves like the top is no way back, and what behaves like the target is not doubted.
        (stack(4, 3, 1), marks(), move(1, entry=1, suspects=(3,))),
        (stack(2, 1, 3), marks(), move(3, entry=1, suspects=(1,))),
        (stack(5, 3, 1, 4), marks(bad=(1,)), move(3, entry=3, suspects=(5,))),
        (stack(3, 1, 3), marks(), move(1, entry=2, suspects=(3,))),
        # That the top itself is suspect or bad does not matter.
        (stack(3, 1), marks(bad=(3,), suspect=(3,)), move(1, entry=1, suspects=(3,))),
    ],
)
def test_rollback(before: list[Entry], held: Marks, expected: Move) -> None:
    assert plan_rollback(PROD, before, held) == expected
    found = last_good(before, held)
    assert found is not None
    assert (found.revision, found.release) == (expected.entry, expected.release)


@pytest.mark.parametrize(
    ("before", "held"),
    [
        (stack(1), marks()),
        (stack(2, 1), marks()),
        (stack(3, 1), marks(bad=(1,))),
        (stack(3, 1), marks(suspect=(2,))),
        (stack(5, 3, 1), marks(bad=(1,), suspect=(4,))),
    ],
)
def test_nothing_good_is_left(before: list[Entry], held: Marks) -> None:
    assert last_good(before, held) is None
    with pytest.raises(NothingGood, match="it stays on what it is") as caught:
        plan_rollback(PROD, before, held)
    assert "rollback prod --to" in str(caught.value.hint)


def test_where_nothing_was_deployed() -> None:
    assert last_good([], Marks()) is None
    with pytest.raises(NotFound, match="no deployment yet"):
        plan_rollback(PROD, [], Marks())
    with pytest.raises(NotFound, match="no deployment yet"):
        plan_rollback_to(PROD, target(1), [], Marks(), deployed_before=False)


@pytest.mark.parametrize(
    ("number", "before", "held", "expected"),
    [
        # On the stack: down to the nearest entry of that release, whatever stands between.
        (1, stack(5, 3, 1), marks(), move(1, entry=1, suspects=(5, 3))),
        (1, stack(5, 1, 3, 1), marks(), move(1, entry=3, suspects=(5,))),
        (1, stack(7, 2, 1), marks(), move(1, entry=1)),
        (1, stack(3, 1), marks(suspect=(1,)), move(1, entry=1, suspects=(3,), cleared=1)),
        (5, stack(5, 1), marks(), None),
        # Off the stack: it takes the place of the top, and only the top is doubted.
        (6, stack(5, 3, 1), marks(), move(6, below=2, suspects=(5,))),
        (6, stack(5), marks(), move(6, suspects=(5,))),
        (2, stack(7, 3), marks(), move(2, below=1)),
        (6, stack(5, 3), marks(suspect=(6,)), move(6, below=1, suspects=(5,), cleared=6)),
    ],
)
def test_rollback_to(number: int, before: list[Entry], held: Marks, expected: Move | None) -> None:
    assert plan_rollback_to(PROD, target(number), before, held, deployed_before=True) == expected


def test_rollback_to_what_never_ran_there() -> None:
    with pytest.raises(NotFound, match="r6 was never deployed to prod") as caught:
        plan_rollback_to(PROD, target(6), stack(3, 1), Marks(), deployed_before=False)
    assert caught.value.hint == "lastgood deploy prod r6"


def test_a_bad_release_is_refused_whoever_asks() -> None:
    held = marks(bad=(1,))
    plans: tuple[Callable[[], object], ...] = (
        lambda: plan_deploy(PROD, target(2), stack(3), held),
        lambda: plan_rollback_to(PROD, target(1), stack(3, 1), held, deployed_before=True),
        lambda: plan_rollback_to(PROD, target(2), stack(3), held, deployed_before=True),
        lambda: refuse_bad(PROD, target(7), held),
    )
    for plan in plans:
        with pytest.raises(BadRelease, match="prod stays on what it is") as caught:
            plan()
        assert caught.value.exit_code == 6
        assert "lastgood mark good" in str(caught.value.hint)


def test_a_stack_is_read_no_further_than_needed() -> None:
    """A history of years costs a deploy or a rollback nothing."""

    def endless() -> Iterator[Entry]:
        yield from stack(3, 1)
        raise AssertionError("it was read further than needed")

    assert plan_deploy(PROD, target(5), endless(), Marks()) is not None
    assert plan_rollback(PROD, endless(), Marks()) == move(1, entry=1, suspects=(3,))
    assert last_good(endless(), Marks()) is not None


class Ledger:
    """The plainest thing that carries out moves: every entry ever pushed, and which lies under which."""

    def __init__(self) -> None:
        self.entries: dict[int, tuple[Entry, int | None]] = {}
        self.top: int | None = None
        self.suspect: set[BehaviorDigest] = set()
        self.revisions = count(1)

    def stack(self) -> Iterator[Entry]:
        at = self.top
        while at is not None:
            entry, at = self.entries[at]
            yield entry

    def carry_out(self, planned: Move) -> None:
        revision = next(self.revisions)
        if planned.entry is None:
            self.entries[revision] = Entry(revision, planned.release, planned.behavior), planned.below
        self.top = revision if planned.entry is None else planned.entry
        self.suspect |= set(planned.suspects)
        self.suspect -= {planned.cleared} if planned.cleared else set()


steps = st.tuples(
    st.sampled_from(["deploy", "deploy", "rollback", "to", "to what ran", "bad", "good"]),
    st.sampled_from([*PLACES, "prod"]),
    st.integers(1, len(PROMPTS)),
)


@effort(500)
@given(st.lists(steps, min_size=10, max_size=60))
def test_any_life_is_as_memory_has_it(life: list[tuple[str, str, int]]) -> None:
    world = World()
    world.releases = [Release(prompt, "", behavior(number)) for number, prompt in enumerate(PROMPTS, start=1)]
    ledgers = {name: Ledger() for name in PLACES}
    for step, name, number in life:
        place, ledger = world.places[name], ledgers[name]
        if step in {"bad", "good"}:
            world.mark(number, Verdict(step))
            for one in ledgers.values() if step == "good" else ():
                one.suspect.discard(behavior(number))
        else:
            chosen = place.ran[number % len(place.ran)] if step == "to what ran" and place.ran else number
            do(step.partition(" ")[0], chosen, world, place, ledger)
        for each in PLACES:
            numbers = {release(one): one for one in range(1, len(PROMPTS) + 1)}
            assert [numbers[entry.release] for entry in ledgers[each].stack()][::-1] == world.places[each].stack
            assert ledgers[each].suspect == world.behaviors(world.places[each].suspect)


def do(step: str, number: int, world: World, place: Memory, ledger: Ledger) -> None:
    """Do one step to memory and to the ledger: both move likewise, or both refuse for the same reason."""
    held = Marks(frozenset(world.behaviors(world.bad)), frozenset(ledger.suspect))
    ran_here = number in place.ran
    remembered: dict[str, Callable[[], bool]] = {
        "deploy": lambda: world.deploy(place, number),
        "rollback": lambda: world.rollback(place),
        "to": lambda: world.rollback_to(place, number),
    }
    planned: dict[str, Callable[[], Move | None]] = {
        "deploy": lambda: plan_deploy(PROD, target(number), ledger.stack(), held),
        "rollback": lambda: plan_rollback(PROD, ledger.stack(), held),
        "to": lambda: plan_rollback_to(PROD, target(number), ledger.stack(), held, deployed_before=ran_here),
    }
    try:
        moved = remembered[step]()
    except LastgoodError as error:
        with pytest.raises(type(error)):
            planned[step]()
        return
    found = planned[step]()
    assert (found is not None) == moved
    if found is not None:
        ledger.carry_out(found)
        place.ran.append(place.stack[-1])
