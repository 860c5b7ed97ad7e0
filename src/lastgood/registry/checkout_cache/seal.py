"""Seals of the checkout cache: what shows, without reading it, that nobody wrote to a file since it was found right.

A seal holds the file's size, inode and times of change, the mount on which they were seen, and when its bytes were last
hashed. The rules, and why they suffice:

- Nobody can write to a file without its change time moving on. Its modification time moves as well, and is set two
  seconds back when the entry is made, so that not even a write in the very tick of the clock leaves it as it was.
- A power cut may keep a file's size and times and lose its bytes, since nothing here is synced. So a seal counts only on
  the mount that it was made on; found on another one, the bytes are hashed and synced first, and then it counts anywhere.
- A disk may forget. So a seal counts for thirty days, after which the bytes are hashed again.

A seal is a cache of an answer: where it is missing, torn or forged for another file, the bytes are hashed.

    >>> seal = Seal(Facts(5, 11, 1, 2), mount=7, checked=1_000)
    >>> Seal.read(seal.written()) == seal
    True
    >>> Seal.read(b"torn") is None
    True
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Self

DAY = 86_400 * 1_000_000_000
COUNTS_FOR = 30 * DAY
"""How long a seal counts, in nanoseconds."""

ANYWHERE = 0
"""Stands for the mount where the bytes were synced, so that they are on the disk wherever it is mounted."""

_SCHEMA = "lastgood.cache-seal/1"


@dataclass(frozen=True, slots=True)
class Facts:
    """What changes whenever a file is written to: its size and inode, and its times of change in nanoseconds."""

    size: int
    inode: int
    modified: int
    changed: int

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        """Take them from what the system says of a file."""
        return cls(found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns)

    def is_written_since(self, before: Facts) -> bool:
        """Whether somebody wrote to the file; a new name, a new inode or other permissions are no such thing."""
        return self.size != before.size or self.modified != before.modified


@dataclass(frozen=True, slots=True)
class Seal:
    """A file as it was when its bytes were last found right.

    Attributes:
        facts: what it looked like.
        mount: the number of the mount it lay on, or `ANYWHERE`.
        checked: when its bytes were hashed, in nanoseconds, by a file system's clock.
    """

    facts: Facts
    mount: int
    checked: int

    @classmethod
    def read(cls, data: bytes) -> Self | None:
        """Read what `written` gave; None where it is something else."""
        with suppress(ValueError, RecursionError, TypeError, KeyError):
            document = json.loads(data)
            numbers = (*document["facts"].values(), document["mount"], document["checked"])
            if document["schema"] == _SCHEMA and all(type(number) is int for number in numbers):
                return cls(Facts(**document["facts"]), document["mount"], document["checked"])
        return None

    def written(self) -> bytes:
        """Return it as bytes."""
        return json.dumps({"schema": _SCHEMA, **asdict(self)}).encode()

    def counts_for(self, facts: Facts, mount: int | None, now: int) -> bool:
        """Whether a file that looks like this, on this mount, at this time need not be read."""
        return self.facts == facts and self.mount in {ANYWHERE, mount} and -DAY <= now - self.checked < COUNTS_FOR
