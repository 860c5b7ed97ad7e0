"""`lastgood repair`: make the index anew from the packs, and put damaged packs aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lastgood.cli.session import Session, in_session
from lastgood.compare.wording import count
from lastgood.errors import Integrity, NewerSchema, NotFound

if TYPE_CHECKING:
    from lastgood.api import OpenRegistry
    from lastgood.registry.repair import Repaired

MOST_FILES = 10


@click.command("repair")
@click.option("--dry-run", is_flag=True, help="Change nothing, only say what would be done and what is lost.")
@click.option("--all", "everything", is_flag=True, help="Do not cut long lists.")
@in_session
def command(session: Session, dry_run: bool, everything: bool) -> int:
    """Make the index anew from the packs, put damaged packs aside, and say what is lost.

    Everything that still proves stays, whatever pack it is in. Damaged packs are moved to .lastgood/store/quarantine and
    never deleted. Exit 7 if a release has lost something; its files are named.
    """
    with _opened(session) as registry, session.output.progress("repair") as progress:
        done = registry.upkeep.repair(dry_run=dry_run, progress=lambda size: progress.add(0, size))
    _tell(session, done, dry_run=dry_run, most=None if everything else MOST_FILES)
    session.output.answer("repair", {"ok": not done.hurt, "dry_run": dry_run, **_json(done)})
    return Integrity.exit_code if done.hurt else 0


def _opened(session: Session) -> OpenRegistry:
    try:
        return session.registry()
    except (NotFound, NewerSchema):
        raise
    except Integrity as error:
        from lastgood.registry.repair import FROM_BACKUP  # noqa: PLC0415

        error.hint = FROM_BACKUP
        raise


def _tell(session: Session, done: Repaired, *, dry_run: bool, most: int | None) -> None:
    output = session.output
    for note in done.notes:
        output.note(f"note: {note}")
    for one in done.quarantined:
        kept = f"kept as store/{one.kept_as}" if one.kept_as else "would be put aside" if dry_run else "mended meanwhile"
        saved = f"; {count(one.saved, 'chunk')} of it saved" if one.saved else ""
        output.data(f"damaged: {one.why}: {kept}{saved}")
    for hurt in done.hurt:
        shown = hurt.files[:most]
        more = f" and {len(hurt.files) - len(shown):,} more" if len(shown) < len(hurt.files) else ""
        output.data(f"hurt: {hurt.label} has lost {', '.join(shown)}{more}")
    made = "the index would be" if dry_run else "the index was"
    output.data(f"{made} made anew of {count(done.packs, 'pack')}: {count(done.chunks, 'chunk')}, {count(done.files, 'file')}")
    if not done.hurt:
        output.data("no release has lost anything")


def _json(done: Repaired) -> dict[str, object]:
    return {
        "packs": done.packs,
        "chunks": done.chunks,
        "files": done.files,
        "quarantined": [{"pack": str(one.pack), "why": one.why, "saved": one.saved, "kept_as": one.kept_as} for one in done.quarantined],
        "hurt": [{"release": str(one.release), "label": one.label, "files": list(one.files)} for one in done.hurt],
        "notes": list(done.notes),
    }
