"""Checkpoints (https://c2sp.org/tlog-checkpoint): the text that is signed for a history, three lines long.

    lastgood/registry/6f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10
    17
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

The origin, which is also the name of the key; how many events there are; the RFC 6962 root over them. Further lines are
extensions: they are kept, and mean nothing here.

    >>> point = Checkpoint(origin_of(RegistryId("6f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10")), 1, bytes(32))
    >>> Checkpoint.parse(point.text()) == point
    True
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Self

from lastgood.errors import Invalid
from lastgood.ids import DIGEST_BYTES, RegistryId

_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A history: whose it is, how many events it has, and the root over them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Write it as it is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a note.

        Raises:
            Invalid: it is no checkpoint.
        """
        origin, size, encoded, *_ = [*text.split("\n"), "", ""]
        try:
            root = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            root = b""
        if not origin or not _NUMBER.fullmatch(size) or len(root) != DIGEST_BYTES:
            raise Invalid("this is no checkpoint: an origin, a size and a root of 32 bytes have to stand in three lines")
        return cls(origin, int(size), root)


def origin_of(registry: RegistryId) -> str:
    """Return the name under which a registry's history is signed."""
    return f"lastgood/registry/{registry}"
