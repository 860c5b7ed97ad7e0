"""The gate of approvals: somebody else than the author has looked (four eyes).

Rules: a person counts once, however often and under whatever capitals; the author does not count; a name that was erased
does not count, and where the author's was, nobody can tell who somebody else is.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime

from lastgood.model.gates.evidence import Evidence
from lastgood.model.gates.verdict import Gate, GateVerdict


@dataclass(frozen=True, slots=True)
class ApprovalsGate(Gate):
    """How many people, other than the author, must have approved the release for the environment."""

    needed: int

    @property
    def name(self) -> str:
        """How people know it."""
        return "approvals"

    def judge(self, evidence: Evidence, now: datetime) -> GateVerdict:
        """Decide by who made and who approved the release."""
        del now
        if evidence.author is None:
            return self.lacks(f"the name of who made {evidence.release} was erased, so nobody can tell who somebody else is")
        if evidence.approvers is None:
            return self.lacks(f"who approved {evidence.release} is not known")
        author = same_person(evidence.author)
        count = len({same_person(one) for one in evidence.approvers if one is not None} - {author})
        missing = self.needed - count
        if missing > 0:
            told = f"{count} of {self.needed} approvals by somebody else than the author: {missing} missing"
            return self.refuses(told, needed=self.needed, approvals=count, missing=missing)
        return self.passes(f"{count} of {self.needed} approvals by somebody else than the author", needed=self.needed, approvals=count)


def same_person(name: str) -> str:
    """Return what is the same for all ways of writing one name.

    >>> same_person(" Ada@Example.org") == same_person("ada@example.org")
    True
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()
