"""A simple memory of environments, written from DESIGN's words ("Last good") and not from the code.

The deployments of an environment form a stack: a deploy pushes; a rollback pops down to its target and marks every
popped entry that does not behave like the target *suspect* in that environment (*bad*, said by a person, holds
everywhere). Marks attach to the behavior. Deploying a suspect warns and clears the mark; a bad one is refused, by
`--to` as well. `@good` is the nearest entry below the top that is neither bad nor suspect and behaves differently
from the top. With nothing good left `rollback` refuses; `--to` takes any release that was deployed there before
(off the stack, it replaces the top).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from lastgood.errors import BadRelease, NotFound, NothingGood
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
class Memory:
    """One environment: what ran there, newest last, with when; its stack, bottom first; and what is suspect there."""

    ran: list[int] = field(default_factory=list)
    since: list[datetime] = field(default_factory=list)
    stack: list[int] = field(default_factory=list)
    suspect: set[str] = field(default_factory=set)


class World:
    """All environments as memory has them; releases are known by their numbers, behaviors by their prompts."""

    def __init__(self) -> None:
        self.releases: list[Release] = []
        self.places = {name: Memory() for name in PLACES}
        self.bad: set[str] = set()

    def prompt(self, number: int) -> str:
        return self.releases[number - 1].prompt

    def deploy(self, place: Memory, number: int) -> bool:
        if place.stack and place.stack[-1] == number:
            return False
        if self.prompt(number) in self.bad:
            raise BadRelease("bad")
        place.stack.append(number)
        place.suspect.discard(self.prompt(number))
        return True

    def good(self, place: Memory) -> int | None:
        """Return where in the stack the last good release is."""
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
            return False
        if self.prompt(number) in self.bad:
            raise BadRelease("bad")
        if number in place.stack:
            self._pop(place, max(position for position, one in enumerate(place.stack) if one == number))
        elif number in place.ran:
            place.suspect |= {self.prompt(place.stack[-1])} - {self.prompt(number)}
            place.stack[-1] = number
        else:
            raise NotFound("it was never deployed here")
        place.suspect.discard(self.prompt(number))
        return True

    def mark(self, number: int, verdict: Verdict) -> None:
        if verdict is Verdict.BAD:
            self.bad.add(self.prompt(number))
            return
        self.bad.discard(self.prompt(number))
        for place in self.places.values():
            place.suspect.discard(self.prompt(number))

    def behaviors(self, prompts: set[str]) -> set[BehaviorDigest]:
        return {one.behavior for one in self.releases if one.prompt in prompts}

    def _pop(self, place: Memory, position: int) -> None:
        popped = {self.prompt(one) for one in place.stack[position + 1 :]}
        del place.stack[position + 1 :]
        place.suspect |= popped - {self.prompt(place.stack[-1])}
