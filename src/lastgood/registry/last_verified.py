"""When bytes were last found right: a small file of this host, beside the catalog, for whoever goes back in a hurry.

`lastgood verify` writes it where it found nothing wrong; it is a remark and no proof, and may be removed at any time. What
cannot be read or written counts as nothing known.

`.lastgood/verified.json`:

    {"schema": "lastgood.verified/1", "whole": {"at": "2026-11-02T14:05:00.000000Z", "events": 17}, "releases": {"<64 hex>": "…"}}
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lastgood.canonical import Json, canonical_json, parse_json_object
from lastgood.clock import format_instant, parse_instant
from lastgood.errors import Invalid
from lastgood.model.fields import Fields
from lastgood.model.history import ReleaseRecord
from lastgood.model.release import check_schema
from lastgood.registry.context import Context

if TYPE_CHECKING:
    from lastgood.registry.verify import Verified

FILE_NAME = "verified.json"
_SCHEMA = "lastgood.verified/1"
_LARGEST = 1 << 20
_MOST_RELEASES = 500


def verify_and_note(
    context: Context,
    only: ReleaseRecord | None,
    progress: Callable[[int], None] | None,
    *,
    full: bool,
    against: bytes | None,
    name_all: bool,
) -> Verified:
    """Verify all of a registry, or what one release needs, and remember it where nothing was wrong.

    Raises:
        as `verify`.
    """
    from lastgood.registry.verify import verify  # noqa: PLC0415 - who goes back in a hurry only asks what was noted

    at = context.clock.now()
    found = verify(context, only, progress, full=full, against=against, name_all=name_all)
    if found.ok:
        note_verified(context.folder, at, found.events, only)
    return found


def note_verified(folder: Path, at: datetime, events: int, only: ReleaseRecord | None) -> None:
    """Remember that all of a registry, or what one release needs, was found right.

    Args:
        folder: the registry's.
        at: when.
        events: how many events the ledger had.
        only: the one release.
    """
    known = _read(folder)
    said: dict[str, Json] = {} if known is None else dict(known.mapping("releases"))
    whole = None if known is None else known.optional("whole")
    if only is None:
        whole, said = {"at": format_instant(at), "events": events}, {}
    else:
        said.pop(str(only.release), None)
        said[str(only.release)] = format_instant(at)
    kept = dict(sorted(said.items(), key=lambda one: str(one[1]))[-_MOST_RELEASES:])
    document = canonical_json({"schema": _SCHEMA, "whole": whole, "releases": kept})
    new = folder / f"{FILE_NAME}.{os.getpid()}.new"
    with suppress(OSError):
        try:
            new.write_bytes(document)
            new.replace(folder / FILE_NAME)
        finally:
            new.unlink(missing_ok=True)


def last_verified(folder: Path, release: ReleaseRecord) -> datetime | None:
    """Return when all that a release needs was last found right on this host; None where nothing is known."""
    known = _read(folder)
    if known is None:
        return None
    found: list[datetime] = []
    with suppress(Invalid):
        whole = known.optional("whole")
        if whole is not None:
            all_of_it = Fields(whole, FILE_NAME)
            if release.sequence < (all_of_it.optional_int("events") or 0):
                found.append(all_of_it.instant("at"))
    with suppress(Invalid):
        alone = known.mapping("releases").get(str(release.release))
        if isinstance(alone, str):
            found.append(parse_instant(alone))
    return max(found, default=None)


def _read(folder: Path) -> Fields | None:
    try:
        with (folder / FILE_NAME).open("rb") as file:
            data = file.read(_LARGEST + 1)
        known = Fields(parse_json_object(data), FILE_NAME)
        check_schema(known.text("schema"), _SCHEMA)
        known.mapping("releases")
    except (OSError, Invalid):
        return None
    return known
