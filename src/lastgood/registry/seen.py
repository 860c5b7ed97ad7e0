"""What the collector saw of a registry's history the last time: a small file of this host, beside the catalog.

The rule, in words: history only grows. A catalog with fewer events than were seen, or with another event in the place
of the last one seen, is an old copy or somebody else's: packs that it does not know may be the only ones of releases
that it lost, so nothing is collected. The file also remembers after which state of the index nothing was left to do,
which makes the next collection cheap. Where the file is missing nothing is known to have been seen.

`.lastgood/collector.json`:

    {"schema": "lastgood.collector/1", "events": 17, "leaf": "…", "settled": {"generation": 3, "newest_pack": "…", "dropped": "…"}}
"""

from __future__ import annotations

import hashlib
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from lastgood.canonical import canonical_json, parse_json_object
from lastgood.catalog.collection import IndexState, leaf_at
from lastgood.catalog.database import Session
from lastgood.errors import Integrity, Invalid, of_os_error
from lastgood.ids import LeafHash, PackId, ReleaseId
from lastgood.model.fields import Fields
from lastgood.model.release import check_schema
from lastgood.workspace.durable import replace_file

FILE_NAME = "collector.json"
_SCHEMA = "lastgood.collector/1"
_LARGEST = 1 << 16


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen.

    Attributes:
        state: history and index, as they were.
        settled: which releases were dropped when nothing was left to collect in that state, as a digest; None if never.
    """

    state: IndexState
    settled: str | None


def digest_of(dropped: AbstractSet[ReleaseId]) -> str:
    """Return a digest of a set of releases."""
    return hashlib.sha256(b"".join(sorted(dropped))).hexdigest()


def read_seen(folder: Path) -> Seen | None:
    """Return what was seen of the registry in a folder; None if nothing was, or nobody can tell."""
    try:
        data = (folder / FILE_NAME).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise of_os_error(error, f"{folder / FILE_NAME} cannot be read") from error
    try:
        return _parse(data)
    except Invalid as error:
        raise Integrity(
            f"{folder / FILE_NAME} is damaged, so nobody can tell whether this is the history it was: {error}; nothing was collected",
            hint=f"lastgood verify, then rm {folder / FILE_NAME}",
        ) from error


def write_seen(folder: Path, seen: Seen) -> None:
    """Remember, durably, what was seen."""
    state = seen.state
    document = canonical_json(
        {
            "schema": _SCHEMA,
            "events": state.events,
            "leaf": None if state.leaf is None else str(state.leaf),
            "settled": None
            if seen.settled is None
            else {
                "generation": state.generation,
                "newest_pack": None if state.newest_pack is None else str(state.newest_pack),
                "dropped": seen.settled,
            },
        }
    )
    try:
        replace_file(folder / FILE_NAME, document)
    except OSError as error:
        raise of_os_error(error, f"{folder / FILE_NAME} cannot be written") from error


def require_same_history(session: Session, seen: Seen | None, folder: Path) -> None:
    """Refuse a history that is older than the one seen, or another one.

    Raises:
        Integrity: it is.
    """
    if seen is None or not seen.state.events:
        return
    leaf = leaf_at(session, seen.state.events - 1)
    if leaf == seen.state.leaf:
        return
    what = "is older than" if leaf is None else "is another than"
    raise Integrity(
        f"this catalog's history {what} the one that was collected last, which had {seen.state.events:,} events; nothing was collected,"
        " since packs that it does not know may belong to releases that it lost",
        hint=f"lastgood verify; if this history is the right one, rm {folder / FILE_NAME}",
    )


def _parse(data: bytes) -> Seen:
    if len(data) > _LARGEST:
        raise Invalid(f"it is larger than {_LARGEST:,} bytes")
    document = parse_json_object(data)
    fields = Fields(document, FILE_NAME)
    check_schema(fields.text("schema"), _SCHEMA)
    leaf = fields.optional_text("leaf")
    settled = fields.optional("settled")
    known = None if settled is None else Fields(settled, f"{FILE_NAME}: settled")
    pack = None if known is None else known.optional_text("newest_pack")
    return Seen(
        IndexState(
            events=fields.optional_int("events") or 0,
            leaf=None if leaf is None else LeafHash.parse(leaf),
            generation=0 if known is None else known.optional_int("generation") or 0,
            newest_pack=None if pack is None else PackId.parse(pack),
        ),
        None if known is None else known.text("dropped"),
    )
