"""Changes that concern operations themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from lastgood.ids import OperationId
from lastgood.model.changes.body import Body
from lastgood.model.fields import Fields


@dataclass(frozen=True, slots=True)
class OperationUndone(Body):
    """An operation was undone; the events that take back its changes follow as part of the same new operation."""

    undone: OperationId
    type: ClassVar[str] = "operation.undone"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(OperationId.parse(known.text("undone")))
