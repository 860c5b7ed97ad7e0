"""What the models of all tables share: strict types, and the values that several of them have.

>>> class Example(Table):
...     seed: Whole
>>> Example.model_validate({"seed": 7}).seed
7
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

LARGEST_INTEGER = 2**53 - 1


def one_or_many(value: object) -> object:
    """Read a text or a list of texts as a tuple of them."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("must be a text or a list of texts")
    if not items or "" in items:
        raise ValueError("must not be empty")
    return tuple(items)


def _number(value: object) -> object:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= LARGEST_INTEGER:  # type: ignore[arg-type]  # a NaN compares false
        raise ValueError("must be a number")
    return value


Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[str, ...], BeforeValidator(one_or_many)]
Whole = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
Number = Annotated[int | float, BeforeValidator(_number)]


class Table(BaseModel):
    """A table in which an unknown key is an error."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
