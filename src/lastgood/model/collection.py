"""What the collector decides, from values alone: what is condemned, revived and swept, and what becomes of a pack.

Words: to *condemn* is to note that nothing kept needs a chunk or a file any more; to *revive* is to take that back; to
*sweep* is to forget what has been condemned for as long as the *grace* lasts. A pack that no catalog knows is an *orphan*.

    >>> noon = datetime(2026, 11, 2, 12, tzinfo=UTC)
    >>> told = judge([b"new", b"old"], {b"old": noon - GRACE, b"back": noon - GRACE}, noon, noon - GRACE)
    >>> sorted(told.condemned), sorted(told.revived), sorted(told.swept)
    ([b'new'], [b'back'], [b'old'])
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta  # noqa: F401  # UTC is for the example
from enum import Enum

from lastgood.ids import PackId

GRACE = timedelta(hours=24)
"""How long what is condemned can still be read, if nothing else is said: longer than any checkout or commit runs.

Nothing that is kept rests on it: a commit that loses bytes to a shorter one notices and keeps them anew.
"""

DEAD_SHARE = 0.5
"""A pack of which a larger share than this is dead is rewritten: so that never more bytes are written than become free.

Where chunks die at random, packs then take 1.4 times what is in use, and 0.5 bytes are written for each that becomes free;
at a share of 0.25 it is 1.15 times and 0.7 bytes, at 0.75 it is 1.9 times and 0.2 bytes."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to become of what nothing kept needs.

    Attributes:
        condemned: what is noted from now on.
        revived: what is noted no longer, being needed again or gone.
        swept: what is forgotten, being noted for long enough; it may be in `condemned` as well.
    """

    condemned: AbstractSet[bytes]
    revived: AbstractSet[bytes]
    swept: AbstractSet[bytes]


def judge(unreachable: Collection[bytes], condemned: Mapping[bytes, datetime], now: datetime, deadline: datetime) -> Judgement:
    """Decide about the ids of chunks or of files.

    Args:
        unreachable: those that are recorded and that nothing kept needs.
        condemned: since when the condemned ones are.
        now: the time.
        deadline: what was condemned then or earlier is swept.
    """
    dead = frozenset(unreachable)
    return Judgement(
        condemned=dead - condemned.keys(),
        revived=condemned.keys() - dead,
        swept={one for one in dead if condemned.get(one, now) <= deadline},
    )


@dataclass(frozen=True, slots=True)
class PackUse:
    """How much of a pack is in use.

    Attributes:
        size: its bytes.
        body: the bytes of its frames, as they are encoded.
        used: the bytes of these that belong to chunks which are read from here; of a shared frame, their share of it.
        chunks: how many chunks are read from here.
    """

    number: int
    pack: PackId
    size: int
    body: int
    used: float
    chunks: int

    @property
    def is_mostly_dead(self) -> bool:
        """Whether its footer is worth a look."""
        return self.chunks == 0 or self.used < self.body * (1 - DEAD_SHARE)


class Fate(Enum):
    """What becomes of a pack."""

    KEEP = "keep"
    DROP = "drop"
    REWRITE = "rewrite"


def fate_of(use: PackUse, maps: int, live_maps: int) -> Fate:
    """Decide about a mostly dead pack.

    Args:
        use: how much of it is in use.
        maps: how many file maps it holds.
        live_maps: how many of these are of files that are kept; they must stay in some pack.
    """
    if use.chunks:
        return Fate.REWRITE
    if not live_maps:
        return Fate.DROP
    # Maps and nothing else: what a rewriting leaves of a pack whose chunks are all dead.
    if not use.body and live_maps >= maps * (1 - DEAD_SHARE):
        return Fate.KEEP
    return Fate.REWRITE
