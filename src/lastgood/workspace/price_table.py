"""`[prices]`: what keeping and fetching bytes costs where this registry's bytes are.

Rules: `class` names prices that are shipped, and each key beside it says another one; without a class every price is the
file's own, and what is not said costs nothing, as on a disk. Amounts are decimal as they are written.

    >>> table = PricesTable.model_validate({"class": "gcs-standard", "per_gb_month": 0.018})
    >>> table.prices().per_gb_month, table.prices().per_gb_egress
    (Decimal('0.018'), Decimal('0.12'))
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from lastgood.model.prices import CLASSES, OWN, Prices
from lastgood.workspace.table import Table

_MOST = Decimal(10**6)
_MOST_DIGITS = 15
_CURRENCY = re.compile(r"[A-Z]{3}")


def _price(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > _MOST_DIGITS:
        raise ValueError("must be an amount such as 0.023")
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("must be an amount such as 0.023") from None
    if not price.is_finite() or not 0 <= price <= _MOST:
        raise ValueError(f"must be an amount from 0 to {_MOST}")
    return price


def _currency(value: object) -> object:
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise ValueError("must be three capital letters, such as USD")
    return value


def _class(value: object) -> object:
    if not isinstance(value, str) or value not in {OWN, *CLASSES}:
        raise ValueError(f"must be one of {', '.join([OWN, *CLASSES])}")
    return value


Price = Annotated[Decimal, BeforeValidator(_price)]


class PricesTable(Table):
    """`[prices]`."""

    KEYS: ClassVar = ("class", "currency", "per_gb_month", "per_1000_gets", "per_gb_retrieved", "per_gb_egress")

    storage: Annotated[str, BeforeValidator(_class)] = Field(OWN, alias="class")
    currency: Annotated[str, BeforeValidator(_currency)] | None = None
    per_gb_month: Price | None = None
    per_1000_gets: Price | None = None
    per_gb_retrieved: Price | None = None
    per_gb_egress: Price | None = None

    @model_validator(mode="after")
    def _check_own(self) -> Self:
        if self.storage == OWN:
            for name in ("per_gb_month", "currency"):
                if getattr(self, name) is None:
                    raise ValueError(f"needs {name}, unless class names prices that are shipped")
        elif self.currency not in {None, CLASSES[self.storage].currency}:
            raise ValueError(f"has prices in {CLASSES[self.storage].currency}; for another currency leave class out and say them all")
        return self

    def prices(self) -> Prices:
        """Return the prices."""
        said = {name: value for name in self.KEYS[2:] if (value := getattr(self, name)) is not None}
        if self.storage != OWN:
            shipped = CLASSES[self.storage]
            return shipped if not said else replace(shipped, **said, source=f"{shipped.said}; changed in lastgood.toml", read_on="")
        free = Decimal(0)
        return Prices(
            OWN,
            "this storage",
            self.currency or "",
            self.per_gb_month or free,
            self.per_1000_gets or free,
            self.per_gb_retrieved or free,
            self.per_gb_egress or free,
            "lastgood.toml",
        )
