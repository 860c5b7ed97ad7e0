"""The tables that a workspace file may have, as pydantic models; only `file.py` needs them.

Rules: strict types, no unknown key; a table here is only well-shaped, whether it makes sense beside the others is
decided in `file.py`.

    >>> table = ComponentTable.model_validate({"path": "prompts/"})
    >>> table.path, table.suggested_kind()
    (('prompts',), None)
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from lastgood.errors import InvalidPath
from lastgood.ids import EnvironmentName
from lastgood.model.component import Kind
from lastgood.model.paths import check_path
from lastgood.model.retention import ROLLBACKS, Policy, Rules
from lastgood.workspace.gate_tables import FreezeTable, GateTable
from lastgood.workspace.table import LARGEST_INTEGER, Table, Text, Texts, Whole, one_or_many

HIGHEST_RANK = 99
"""Beyond it comes what is cosmetic, which no rank of a kind or a component may pass."""

_DURATION = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LOOPBACK = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?(/|$)")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")

_COMMON = ("kind", "made_by", "derived_from", "licence")
_FIELDS = {
    Kind.ARTIFACT: ("path",),
    Kind.HOSTED: ("provider", "model", "fingerprint"),
    Kind.PROMPT: ("path",),
    Kind.CONFIG: ("path",),
    Kind.DATASET: ("path", "key", "store", "uri", "version", "digest"),
    Kind.EVAL: ("path", "run", "on"),
    Kind.CODE: ("path",),
    Kind.RUNTIME: ("lock", "python", "platform", "container"),
}
_NEEDED = {Kind.HOSTED: ("provider", "model"), Kind.RUNTIME: ("lock",)}
_TELLING = {
    "provider": Kind.HOSTED,
    "model": Kind.HOSTED,
    "run": Kind.EVAL,
    "on": Kind.EVAL,
    "lock": Kind.RUNTIME,
    "container": Kind.RUNTIME,
    "key": Kind.DATASET,
    "store": Kind.DATASET,
    "uri": Kind.DATASET,
}


def _paths(value: object) -> object:
    items = one_or_many(value)
    return tuple(_plain(item) for item in items) if isinstance(items, tuple) else items


def _plain(path: str) -> str:
    return path.removeprefix("./").rstrip("/") if path.strip("/") else path


def _kind(value: object) -> object:
    if not isinstance(value, str) or value not in set(Kind):
        raise ValueError(f"must be one of {', '.join(Kind)}")
    return Kind(value)


def _duration(value: object) -> object:
    read = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if read is None:
        raise ValueError('must be a duration such as "400d" (units s m h d w)')
    return timedelta(**{_UNITS[read[2]]: int(read[1])})


def _live(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a path")  # noqa: TRY004  # pydantic turns a ValueError, not a TypeError, into a problem
    path = _plain(value)
    try:
        check_path(path.removeprefix("/"))
    except InvalidPath as error:
        raise ValueError(f"is no folder that can be switched: {error.message}") from error
    return path


def _rank(value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= HIGHEST_RANK:
        raise ValueError(f"must be a whole number from 0, which comes first, to {HIGHEST_RANK}")
    return value


Rank = Annotated[int, BeforeValidator(_rank)]
Paths = Annotated[tuple[str, ...], BeforeValidator(_paths)]


class MakingTable(Table):
    """`made_by`."""

    run: Text | None = None
    inputs: Texts = ()
    seed: Annotated[int, Field(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)] | None = None


class ComponentTable(Table):
    """`[components.NAME]`, with the keys of every kind; `fields_of` says which of them a kind has."""

    kind: Annotated[Kind, BeforeValidator(_kind)] | None = None
    path: Paths | None = None
    lock: Paths | None = None
    provider: Text | None = None
    model: Text | None = None
    fingerprint: Text | None = None
    key: Text | None = None
    store: Text | None = None
    uri: Text | None = None
    version: Text | None = None
    digest: Text | None = None
    run: Text | None = None
    on: Text | None = None
    python: Text | None = None
    platform: Text | None = None
    container: Text | None = None
    made_by: MakingTable | None = None
    derived_from: Texts = ()
    licence: Text | None = None

    @model_validator(mode="after")
    def _check_reference(self) -> Self:
        if self.store is not None and self.store != "reference":
            raise ValueError('store must be "reference"; leave it out to keep the bytes')
        return self

    def suggested_kind(self) -> Kind | None:
        """Return the kind that the keys alone tell, if any."""
        return next((kind for name, kind in _TELLING.items() if name in self.model_fields_set), None)


class HookTable(Table):
    """One element of `hooks`: a command, or the address of a signed webhook."""

    name: Text | None = None
    run: Text | None = None
    url: Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=2_000)] | None = None
    secret_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    secret_file: Text | None = None

    @model_validator(mode="after")
    def _check_shape(self) -> Self:
        written = self.model_fields_set - {"name"}
        if written not in ({"run"}, {"url", "secret_env"}, {"url", "secret_file"}):
            raise ValueError('is no hook; write run = "COMMAND", or url = "https://…" with secret_env = "VARIABLE" or secret_file = "PATH"')
        if self.url is not None and self.url.startswith("http:") and not _LOOPBACK.match(self.url):
            raise ValueError("sends to an address without encryption; write https, or an address of this host")
        if self.run is not None:
            try:
                words = shlex.split(self.run)
            except ValueError as error:
                raise ValueError(f"has a command that cannot be split into words: {error}") from error
            if not words:
                raise ValueError("has a command without a word")
        return self


class EnvironmentTable(Table):
    """`[environments.NAME]`."""

    hooks: list[HookTable] = Field(default_factory=list)
    live: Annotated[str, BeforeValidator(_live)] | None = None
    gates: list[GateTable] = Field(default_factory=list)
    freeze: list[FreezeTable] = Field(default_factory=list)
    override: bool | None = None


def _deployed(value: object) -> object:
    if not isinstance(value, dict):
        return {"*": _duration(value)}
    if not value:
        raise ValueError("must name an environment, or be a duration for all of them")
    return {EnvironmentName.parse(name) if name != "*" else name: _duration(period) for name, period in value.items()}


class RulesTable(Table):
    """What `[retention]` and its tables have in common."""

    keep_last: Whole | None = None
    keep_deployed: Annotated[dict[str, timedelta], BeforeValidator(_deployed)] | None = None
    keep_tagged: bool | None = None
    keep_daily: Whole | None = None
    keep_weekly: Whole | None = None
    keep_monthly: Whole | None = None
    keep_every: Whole | None = None
    min_age: Annotated[timedelta, BeforeValidator(_duration)] | None = None

    def rules(self) -> Rules:
        """Return the rules."""
        return Rules(**{name: getattr(self, name) for name in RulesTable.model_fields})


class RetentionTable(RulesTable):
    """`[retention]`, with a table for each kind whose bytes may go, and one for optimizer state."""

    rollbacks: Annotated[int, Field(ge=1, le=1000)] = ROLLBACKS
    artifact: RulesTable | None = None
    dataset: RulesTable | None = None
    optimizer: RulesTable | None = None

    def policy(self) -> Policy:
        """Return the policy."""
        kinds = {Kind.ARTIFACT: self.artifact, Kind.DATASET: self.dataset}
        return Policy(
            rules=self.rules(),
            kinds={kind: table.rules() for kind, table in kinds.items() if table is not None},
            optimizer=None if self.optimizer is None else self.optimizer.rules(),
            rollbacks=self.rollbacks,
        )


class DiffTable(Table):
    """`[diff]`."""

    rank: dict[str, Rank] = Field(default_factory=dict)


class FileTable(Table):
    """The whole file."""

    pipeline: str
    sign: bool = False
    components: dict[str, ComponentTable] = Field(default_factory=dict)
    environments: dict[str, EnvironmentTable] = Field(default_factory=dict)
    retention: RetentionTable | None = None
    diff: DiffTable | None = None


def fields_of(table: Sequence[str], kind: Kind | None = None) -> list[str]:
    """Return the keys that a table may have, given its path in the file and, for a component, its kind."""
    match list(table):
        case ["components", _]:
            known = [*_FIELDS[kind], *_COMMON] if kind else list(ComponentTable.model_fields)
        case ["components", _, "made_by"]:
            known = list(MakingTable.model_fields)
        case ["environments", _]:
            known = list(EnvironmentTable.model_fields)
        case ["environments", _, "hooks"]:
            known = list(HookTable.model_fields)
        case ["environments", _, "gates"]:
            known = list(GateTable.model_fields)
        case ["environments", _, "freeze"]:
            known = list(FreezeTable.KEYS)
        case ["retention"]:
            known = list(RetentionTable.model_fields)
        case ["retention", _]:
            known = list(RulesTable.model_fields)
        case ["diff"]:
            known = list(DiffTable.model_fields)
        case _:
            known = list(FileTable.model_fields)
    return known


def check_fields(table: ComponentTable, kind: Kind) -> list[tuple[str, str]]:
    """Return what is wrong with the keys of a component of a kind: the key, and what to say of it."""
    known = fields_of(["components", ""], kind)
    if table.store is not None:
        known = [name for name in known if name not in {"path", "key"}]
    elif kind is Kind.DATASET:
        known = [name for name in known if name not in {"uri", "version", "digest"}]
    what = "a dataset kept by reference" if table.store else f"a component of the kind {kind}"
    strangers = sorted(table.model_fields_set - set(known))
    needed = ("uri",) if table.store else _NEEDED.get(kind, ("path",))
    found = [(name, f"{what} has no {name}; known are {', '.join(known)}") for name in strangers]
    found += [(name, f"is missing; {what} needs it") for name in needed if getattr(table, name) is None]
    if table.store and table.version is None and table.digest is None:
        found.append(("version", f"is missing; {what} needs a version or a digest"))
    return found


def is_uri(text: str) -> bool:
    """Return whether a text has the form of a URI, such as `s3://lake/tickets@v7`."""
    return _URI.fullmatch(text) is not None
