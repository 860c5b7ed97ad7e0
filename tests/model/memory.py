"""A simple memory of environments, written from DESIGN's words ("Last good") and not from the code.

The deployments of an environment form a stack: a deploy pushes; a rollback pops down to its target and marks every
popped entry that does not behave like the target *suspect* in that environment (*bad*, said by a person, holds
everywhere). Marks attach to the behavior. Deploying a suspect warns and clears the mark; a bad one is refused, by
`--to` as well. `@good` is the nearest entry below the top that is neither bad nor suspect and behaves differently
from the top. With nothing good left `rollback` refuses; `--to` takes any release that was deployed there before
(off the stack, it replaces the top). During a canary a rollback aborts it and marks it suspect; the stack stays. An undo
takes back the last thing that was done to what it is about, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from lastgood.errors import AlreadyExists, BadRelease, CanaryRunning, Conflict, NotFound, NothingGood, Refused
from lastgood.ids import BehaviorDigest
from lastgood.model.changes.releases import Verdict

PLACES = ("prod", "staging")


@dataclass
class Release:
    """A release as memory has it: which prompt it answers with, and how that behavior is known."""

    prompt: str
    data: str
    behavior: BehaviorDigest


@dataclass
class Then:
    """What a move left: the stack, the canary, and which suspicions an undo of the move would take back or bring back."""

    stack: list[int]
    canary: tuple[int, int] | None
    doubted: set[str]
    trusted: set[str]


@dataclass
class Memory:
    """One environment: its moves; what ran there for everybody, newest last; its stack, bottom first; its suspects."""

    moves: list[Then] = field(default_factory=list)
    since: list[datetime] = field(default_factory=list)
    ran: list[int] = field(default_factory=list)
    stack: list[int] = field(default_factory=list)
    canary: tuple[int, int] | None = None
    suspect: set[str] = field(default_factory=set)

    def note(self, before: set[str], at: datetime) -> None:
        """Note that a move was made, which found these suspects."""
        self.moves.append(Then(list(self.stack), self.canary, self.suspect - before, before - self.suspect))
        self.since.append(at)
        if len(self.moves) == 1 or self.moves[-2].stack[-1] != self.stack[-1]:
            self.ran.append(self.stack[-1])


@dataclass(frozen=True)
class Done:
    """An operation: what was done to what; `number` is a release's or an environment's revision."""

    what: str
    name: str = ""
    number: int = 0
    replaced: int | None = None


class Moving:
    """All environments as memory has them; releases are known by their numbers, behaviors by their prompts."""

    def __init__(self) -> None:
        self.releases: list[Release] = []
        self.places = {name: Memory() for name in PLACES}
        self.bad: set[str] = set()
        self.done: list[Done] = []
        self.tags: dict[str, tuple[int, int]] = {}
        self.holds: dict[int, int] = {}
        self.marks: list[tuple[int, str, bool]] = []

    def prompt(self, number: int) -> str:
        return self.releases[number - 1].prompt

    def _require_allowed(self, number: int) -> None:
        if self.prompt(number) in self.bad:
            raise BadRelease("bad")

    def deploy(self, place: Memory, number: int) -> bool:
        if place.stack and place.stack[-1] == number:
            return False
        if place.canary:
            raise CanaryRunning("promote or abort it first")
        self._require_allowed(number)
        place.stack.append(number)
        place.suspect.discard(self.prompt(number))
        return True

    def start_canary(self, place: Memory, number: int, percent: int) -> bool:
        if not place.stack:
            raise NotFound("beside nothing")
        if place.stack[-1] == number:
            raise Conflict("it is live")
        if place.canary and place.canary[0] != number:
            raise CanaryRunning("promote or abort it first")
        if place.canary == (number, percent):
            return False
        self._require_allowed(number)
        place.canary = (number, percent)
        place.suspect.discard(self.prompt(number))
        return True

    def promote(self, place: Memory) -> bool:
        if not place.canary:
            raise NotFound("no canary")
        number, _ = place.canary
        self._require_allowed(number)
        place.canary = None
        place.stack.append(number)
        place.suspect.discard(self.prompt(number))
        return True

    def abort(self, place: Memory) -> bool:
        if not place.canary:
            raise NotFound("no canary")
        place.canary = None
        return True

    def good(self, place: Memory) -> int | None:
        """Return where in the stack the last good release is."""
        if place.canary:
            return len(place.stack) - 1
        for position in range(len(place.stack) - 2, -1, -1):
            prompt = self.prompt(place.stack[position])
            if prompt not in self.bad | place.suspect and prompt != self.prompt(place.stack[-1]):
                return position
        return None

    def rollback(self, place: Memory) -> bool:
        if not place.stack:
            raise NotFound("nothing was deployed")
        position = self.good(place)
        if position is None:
            raise NothingGood("nothing good")
        self._pop(place, position)
        return True

    def rollback_to(self, place: Memory, number: int) -> bool:
        if not place.stack:
            raise NotFound("nothing was deployed")
        if place.stack[-1] == number:
            was_canary = place.canary is not None
            self._pop(place, len(place.stack) - 1)
            return was_canary
        self._require_allowed(number)
        if number in place.stack:
            self._pop(place, max(position for position, one in enumerate(place.stack) if one == number))
        elif number in place.ran:
            top = place.stack[-1]
            place.stack[-1] = number
            self._doubt(place, [top])
        else:
            raise NotFound("it was never deployed here")
        place.suspect.discard(self.prompt(number))
        return True

    def _pop(self, place: Memory, position: int) -> None:
        popped = place.stack[position + 1 :]
        del place.stack[position + 1 :]
        self._doubt(place, popped)

    def _doubt(self, place: Memory, numbers: list[int]) -> None:
        left = [*numbers, *([place.canary[0]] if place.canary else [])]
        place.canary = None
        place.suspect |= {self.prompt(one) for one in left} - {self.prompt(place.stack[-1])}

    def behaviors(self, prompts: set[str]) -> set[BehaviorDigest]:
        return {one.behavior for one in self.releases if one.prompt in prompts}


class World(Moving):
    """The same, with what is said of releases, and with undoing."""

    def mark(self, number: int, verdict: Verdict) -> None:
        prompt = self.prompt(number)
        self.bad.discard(prompt)
        if verdict is Verdict.BAD:
            self.bad.add(prompt)
        if verdict is Verdict.GOOD:
            for place in self.places.values():
                place.suspect.discard(prompt)
                for then in place.moves:
                    then.trusted.discard(prompt)
        self.marks.append((len(self.done), prompt, verdict is Verdict.BAD))
        self.done.append(Done("mark", prompt))

    def tag(self, name: str, number: int, *, move_it: bool) -> bool:
        holder = self.tags.get(name, (None, 0))[0]
        if holder == number:
            return False
        if holder is not None and not move_it:
            raise AlreadyExists("it belongs to another")
        self._tag(Done("tag", name, number, holder))
        return True

    def _tag(self, done: Done) -> None:
        self.tags[done.name] = (done.number, len(self.done))
        self.done.append(done)

    def hold(self, number: int) -> bool:
        if number in self.holds:
            return False
        self.holds[number] = len(self.done)
        self.done.append(Done("hold", number=number))
        return True

    def lift(self, number: int) -> bool:
        if number not in self.holds:
            raise NotFound("it is not held")
        del self.holds[number]
        self.done.append(Done("lift", number=number))
        return True

    def undo(self, index: int, at: datetime) -> None:
        """Take back one thing that was done, which is one thing more that was done."""
        done = self.done[index]
        match done.what:
            case "move":
                self._undo_move(self.places[done.name], done, at)
            case "tag" if self.tags.get(done.name) == (done.number, index):
                if done.replaced is not None:
                    self._tag(Done("tag", done.name, done.replaced, done.number))
                else:
                    del self.tags[done.name]
                    self.done.append(Done("untag", done.name, done.number))
            case "untag" if done.name not in self.tags:
                self._tag(Done("tag", done.name, done.number))
            case "mark" if next(one for one, prompt, _ in reversed(self.marks) if prompt == done.name) == index:
                self._undo_mark(done.name)
            case "hold" if self.holds.get(done.number) == index:
                self.lift(done.number)
            case "lift" if done.number not in self.holds:
                self.hold(done.number)
            case "commit":
                raise Refused("a commit has no inverse")
            case _:
                raise Conflict("something was done since")

    def _undo_mark(self, prompt: str) -> None:
        earlier = [is_bad for _, one, is_bad in self.marks if one == prompt][:-1]
        is_bad = bool(earlier) and earlier[-1]
        self.bad = self.bad - {prompt} | ({prompt} if is_bad else set())
        self.marks.append((len(self.done), prompt, is_bad))
        self.done.append(Done("mark", prompt))

    def _undo_move(self, place: Memory, done: Done, at: datetime) -> None:
        if len(place.moves) != done.number:
            raise Conflict("it was moved since")
        if done.number == 1:
            raise Refused("never on nothing")
        before, last, found = place.moves[-2], place.moves[-1], set(place.suspect)
        for number in [before.stack[-1], *([before.canary[0]] if before.canary else [])]:
            self._require_allowed(number)
        place.stack, place.canary = list(before.stack), before.canary
        place.suspect = place.suspect - last.doubted | last.trusted
        place.note(found, at)
        self.done.append(Done("move", done.name, done.number + 1))
