"""Operations: every change has one, with an id that makes a retry safe and the person who asked for it.

>>> operation = Operation(new_operation_id(lambda size: bytes(size)), "ana@example.org")
>>> str(operation.id)
'00000000-0000-4000-8000-000000000000'
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from lastgood.ids import OperationId

Entropy = Callable[[int], bytes]
"""Returns so many random bytes; the edges pass the operating system's."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Who asked for a change, and under which id.

    Attributes:
        id: made once by whoever asks; a retry carries the same.
        actor: the person or service, as free text.
        accept_clock: whether a clock that went back by more than five minutes is accepted.
    """

    id: OperationId
    actor: str
    accept_clock: bool = False


def new_operation_id(entropy: Entropy) -> OperationId:
    """Make the id of a new operation (RFC 9562, version 4)."""
    return OperationId(str(uuid.UUID(bytes=entropy(16), version=4)))
