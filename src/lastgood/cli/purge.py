"""`lastgood purge`: erase a file, or the files that hold a row, wherever they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lastgood.api import OpenRegistry
from lastgood.cli.session import Session, in_session
from lastgood.compare.wording import count, size
from lastgood.errors import Invalid, NotFound

if TYPE_CHECKING:
    from lastgood.registry.purge import PurgeDone
    from lastgood.registry.purge_plan import Holder, PurgePlan
    from lastgood.registry.purges import FoundFiles

_MOST_LISTED = 30
_ELSEWHERE = "checkouts, live folders, exported bundles and backups made earlier still hold it: they are yours to erase"


@click.command("purge")
@click.argument("what", metavar="[SHA256|PATH]", required=False)
@click.option("--row", metavar="DATASET:KEY", help="Every version of every file of a dataset that holds this row.")
@click.option("--release", "revision", metavar="REV", help="The release in which PATH is meant.")
@click.option("--pipeline", metavar="P", help="Which pipeline's dataset, where there are several.")
@click.option("--reason", metavar="TEXT", help="Why, for whoever asks later.")
@click.option("--apply", "is_applied", is_flag=True, help="Do it; without this it only tells.")
@click.option("--even-live", is_flag=True, help="Also where an environment runs a release that has it.")
@click.option("--lift", "is_lifted", is_flag=True, help="Let a purged file be kept again, if it is committed anew.")
@in_session
def command(
    session: Session,
    what: str | None,
    row: str | None,
    revision: str | None,
    pipeline: str | None,
    reason: str | None,
    is_applied: bool,
    even_live: bool,
    is_lifted: bool,
) -> None:
    """Erase a file for good, or every file that holds a row; without --apply only tell what it takes and breaks.

    Whole versions of files go, at once and without a grace: packs that hold their bytes are rewritten and deleted, what was
    encoded against them is encoded anew, and the checkout cache and the quarantine are cleared of them. Digests, paths and
    history stay, and say when, by whom and why it was. A purged file is not kept again before somebody lifts that.

    To take a row out, commit a version of the file without it first. --apply alone ends a purge that was cut short.
    """
    if what is not None and row is not None:
        raise Invalid("one thing at a time: a file, or --row")
    with session.registry() as registry:
        if is_lifted:
            _lift(session, registry, what, reason)
        elif what is None and row is None:
            _finish(session, registry, is_applied=is_applied)
        else:
            found = registry.purges.file(what, revision) if what is not None else _row(registry, row or "", pipeline)
            plan = registry.purges.plan(found.files)
            done = registry.purges.apply(plan, reason, even_live=even_live) if is_applied else None
            _tell(session, found, plan, done, even_live=even_live)


def _row(registry: OpenRegistry, row: str, pipeline: str | None) -> FoundFiles:
    dataset, colon, key = row.partition(":")
    if not colon or not dataset or not key:
        raise Invalid(f"--row {row[:80]!r} is no row; write the dataset and the row's key, such as train:42")
    return registry.purges.row(dataset, key, pipeline)


def _lift(session: Session, registry: OpenRegistry, what: str | None, reason: str | None) -> None:
    if what is None:
        raise Invalid("--lift wants the SHA-256 of the file")
    files = registry.purges.file(what).files
    registry.purges.lift(files, reason)
    session.output.data(f"{files[0].short} may be kept again; its bytes come back when somebody commits them")
    session.output.answer("purge", {**_nothing(), "files": [str(one) for one in files], "lifted": True})


def _finish(session: Session, registry: OpenRegistry, *, is_applied: bool) -> None:
    known = registry.purges.list()
    if not is_applied and not known:
        raise NotFound("nothing was purged yet", hint="lastgood purge SHA256, or --row DATASET:KEY")
    for one in known:
        session.output.data(f"{one.file.short} {one.said}")
    done = registry.purges.finish() if is_applied else None
    if done is not None:
        _tell_done(session, done)
    fields = {**_nothing(), "files": [str(one.file) for one in known], "applied": is_applied}
    session.output.answer("purge", fields if done is None else {**fields, **_done_json(done)})


def _tell(session: Session, found: FoundFiles, plan: PurgePlan, done: PurgeDone | None, *, even_live: bool) -> None:
    output = session.output
    would = "purged" if done is not None else "would be purged"
    output.data(f"{would}: {count(len(plan.files), 'file')}, {size(plan.bytes_logical)}, in {count(_releases(plan), 'release')}")
    rows = [[one.label, one.component, one.path, one.file.short, _state(one)] for one in plan.holders[:_MOST_LISTED]]
    if rows:
        output.table(["release", "component", "path", "file", ""], rows)
    if len(plan.holders) > _MOST_LISTED:
        output.data(f"… and {len(plan.holders) - _MOST_LISTED:,} more; --json lists them")
    for line in _broken(plan):
        output.data(line)
    for note in found.notes:
        output.warn(f"not looked into, so it may hold the row as well: {note}")
    if done is not None:
        _tell_done(session, done)
    elif plan.live and not even_live:
        output.note("a live release has it: deploy one without it first, or purge with --even-live --apply")
    else:
        output.note("nothing was changed; --apply does it, and nothing brings it back")
    output.note(_ELSEWHERE)
    output.answer("purge", {**_plan_json(found, plan), **({} if done is None else _done_json(done))})


def _releases(plan: PurgePlan) -> int:
    return len({one.release for one in plan.holders})


def _state(one: Holder) -> str:
    words = [f"live in {', '.join(one.live_in)}"] if one.live_in else []
    return "; ".join([*words, *(["held"] if one.is_held else [])])


def _broken(plan: PurgePlan) -> list[str]:
    lines = []
    if plan.holders:
        broken = "these components can be neither checked out nor compared closely in these releases any more; the others can"
        lines.append(f"what breaks: {broken}")
    lines += [f"a trace: {one}" for one in plan.made[:_MOST_LISTED]]
    lines += [f"a result of an evaluation of {one}" for one in plan.results]
    for one in plan.sharing[:_MOST_LISTED]:
        lines.append(f"{size(one.bytes)} of the same bytes stand in {one.path} as well, and stay there as its own ({one.file.short})")
    if len(plan.sharing) > _MOST_LISTED:
        lines.append(f"… and in {len(plan.sharing) - _MOST_LISTED:,} more files")
    lines.append("what evaluations quoted of it was not searched")
    return lines


def _tell_done(session: Session, done: PurgeDone) -> None:
    session.output.data(f"erased: {count(done.packs_rewritten, 'pack')} rewritten, {count(done.packs_deleted, 'pack')} deleted")
    if done.cached:
        session.output.data(f"{count(done.cached, 'file')} taken out of the checkout cache")
    if done.quarantined:
        session.output.data(f"{count(done.quarantined, 'damaged pack')} deleted from quarantine, unread")
    session.output.data(f"freed: {size(done.bytes_freed)}")


def _nothing() -> dict[str, object]:
    return {"files": [], "applied": False, "lifted": False, "holders": [], "live": [], "sharing": [], "bytes_freed": 0}


def _plan_json(found: FoundFiles, plan: PurgePlan) -> dict[str, object]:
    return {
        **_nothing(),
        "files": [str(one) for one in plan.files],
        "bytes_logical": plan.bytes_logical,
        "holders": [_holder_json(one) for one in plan.holders],
        "live": sorted({one.label for one in plan.live}),
        "sharing": [{"file": str(one.file), "path": one.path, "bytes": one.bytes} for one in plan.sharing],
        "made": list(plan.made),
        "results": list(plan.results),
        "notes": list(found.notes),
    }


def _holder_json(one: Holder) -> dict[str, object]:
    return {
        "release": str(one.release),
        "label": one.label,
        "component": one.component,
        "kind": one.kind.value,
        "path": one.path,
        "file": str(one.file),
        "live_in": list(one.live_in),
        "held": one.is_held,
    }


def _done_json(done: PurgeDone) -> dict[str, object]:
    return {
        "applied": True,
        "bytes_freed": done.bytes_freed,
        "packs_rewritten": done.packs_rewritten,
        "packs_deleted": done.packs_deleted,
        "quarantined": done.quarantined,
        "cached": done.cached,
        "operation": None if done.operation is None else str(done.operation),
    }
