"""The tables of a policy: gates and windows of freeze, as pydantic models; part of `tables`.

>>> GateTable.model_validate({"approvals": 1}).written()
{'approvals': 1}
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from lastgood.errors import Invalid, InvalidName
from lastgood.ids import ComponentName
from lastgood.model.gates.freeze import Weekly
from lastgood.model.gates.policy import LEAST_CONFIDENCE, MOST_CONFIDENCE, read_edge
from lastgood.workspace.declaration import Gate
from lastgood.workspace.table import Number, Table, Text, Texts, Whole
from lastgood.workspace.zones import find_zone

_SHAPES = """\
is no gate; write { metric = "SUITE.NAME", min = 0.9, max = 1.0, max_drop = 0.01, confidence = 0.95 }, { approvals = 1 }, \
{ soak = "ENV", hours = 24 }, { signed = true }, { no_open_incident = true }, { components = ["prompts"] } or \
{ bytes = "verified", within_hours = 24 }, each with override = false where nobody may go on in spite of it"""


def _names(value: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        try:
            ComponentName.parse(name)
        except InvalidName as error:
            raise ValueError(error.message) from error
    return value


def _true(value: object) -> object:
    if value is not True:
        raise ValueError("should be true; leave the gate out where it should not")
    return value


Always = Annotated[bool, BeforeValidator(_true)]


class GateTable(Table):
    """One element of `gates`."""

    metric: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+$")] | None = None
    min: Number | None = None
    max: Number | None = None
    max_drop: Annotated[Number, Field(ge=0)] | None = None
    confidence: Annotated[Number, Field(ge=LEAST_CONFIDENCE, le=MOST_CONFIDENCE)] | None = None
    approvals: Whole | None = None
    soak: Text | None = None
    hours: Annotated[Number, Field(gt=0)] | None = None
    signed: Always | None = None
    no_open_incident: Always | None = None
    components: Texts | None = None
    bytes: Literal["present", "verified"] | None = None
    within_hours: Annotated[Number, Field(gt=0)] | None = None
    override: bool | None = None

    @model_validator(mode="after")
    def _check_shape(self) -> Self:
        written = self.model_fields_set - {"override"}
        plain = ({"approvals"}, {"soak", "hours"}, {"signed"}, {"no_open_incident"}, {"components"}, {"bytes"})
        is_metric = (
            "metric" in written and written <= {"metric", "min", "max", "max_drop", "confidence"} and written & {"min", "max", "max_drop"}
        )
        is_dated = written == {"bytes", "within_hours"} and self.bytes == "verified"
        if written not in plain and not is_metric and not is_dated:
            raise ValueError(_SHAPES)
        if "confidence" in written and "max_drop" not in written:
            raise ValueError("confidence belongs to max_drop")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is more than max")
        _names(self.components or ())
        return self

    def written(self) -> Gate:
        """Return the keys as they are written."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self.model_dump(exclude_unset=True).items()}


def _edge(value: object) -> object:
    if isinstance(value, datetime):
        value = value.isoformat()
    elif isinstance(value, date):
        value = f"{value.isoformat()}T00:00:00"
    if not isinstance(value, str):
        raise ValueError('must be a time of the week such as "Fri 16:00", or a local date and time')  # noqa: TRY004  # as in `table`
    try:
        read_edge(value)
    except Invalid as error:
        raise ValueError(error.message) from error
    return value


Edge = Annotated[str, BeforeValidator(_edge)]


class FreezeTable(Table):
    """One element of `freeze`."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=False)
    KEYS: ClassVar[tuple[str, ...]] = ("from", "until", "zone", "reason", "override")

    start: Annotated[Edge, Field(alias="from")]
    until: Edge
    zone: Text
    reason: Text | None = None
    override: bool | None = None

    @model_validator(mode="after")
    def _check_window(self) -> Self:
        start, end = read_edge(self.start), read_edge(self.until)
        if isinstance(start, Weekly) or isinstance(end, Weekly):
            if not (isinstance(start, Weekly) and isinstance(end, Weekly)):
                raise ValueError("from and until must be of one form: both of the week, or both dates with times")  # noqa: TRY004  # as above
            if start == end:
                raise ValueError("from and until are the same time of the week")
        elif start >= end:
            raise ValueError("until must be after from")
        if find_zone(self.zone) is None:
            raise ValueError(f'there is no time zone {self.zone[:60]!r} on this machine; write one such as "Europe/Berlin"')
        return self

    def written(self) -> Gate:
        """Return the keys as they are written."""
        return self.model_dump(exclude_unset=True, by_alias=True)
