"""`lastgood drift`: is what runs what should run?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lastgood.cli.output import say
from lastgood.cli.rendering import How, print_comparison
from lastgood.cli.session import Session, in_session
from lastgood.compare.change import Change
from lastgood.errors import ChangedWhileReading, Integrity, Invalid, InvalidName, InvalidPath, NotFound
from lastgood.ids import ComponentName, ReleaseId

if TYPE_CHECKING:
    from lastgood.api import OpenRegistry
from lastgood.registry.compare import Comparison
from lastgood.registry.drift import Drift, Look

_MOST_OTHERS = 20


@click.command("drift")
@click.argument("environment", metavar="[ENV]", required=False)
@click.argument("place", metavar="[DIR|URL]", required=False)
@click.option("--component", metavar="C", help="Only this component.")
@click.option("--strict", is_flag=True, help="Files that belong to no component are drift, too.")
@click.option("--all", "everything", is_flag=True, help="Do not cut long lists.")
@click.option("--describe", metavar="DIR", help="Write what a service at DIR can answer with, and compare nothing.")
@in_session
def command(
    session: Session,
    environment: str | None,
    place: str | None,
    component: str | None,
    strict: bool,
    everything: bool,
    describe: str | None,
) -> int:
    """Say whether what runs is what the environment ENV should run, file by file, in each kind's own terms.

    DIR is a folder with the files at their workspace paths: a checkout, a deployment's folder, DIR/current of a live folder.
    Links that lead out of it are not followed. URL answers with a JSON document of the schema lastgood.running/1, which
    `lastgood drift --describe DIR` writes. While a canary runs, either release is as it should be, and it is said which.

    Exit 7 if it is not what it should be.
    """
    if describe is not None:
        if environment is not None:
            raise Invalid("--describe compares nothing; it goes with no ENV", hint="lastgood drift --describe DIR > running.json")
        return _describe(session, session.folder / describe)
    if environment is None or place is None:
        raise Invalid("say which environment, and where it runs", hint="lastgood drift ENV DIR|URL")
    from lastgood.registry.drift import drift_of, look_at_folder  # noqa: PLC0415
    from lastgood.workspace.running import HINT, RunningFolder  # noqa: PLC0415

    # Live folders do not catch up first: whoever looks for drift must see what was there.
    with session.registry() as registry, session.output.progress("drift") as progress:
        found = registry.environments.get(environment)
        look = _look_at_service(registry, place, strict=strict) if "://" in place else None
        if look is None:
            folder = RunningFolder(session.folder / place, progress.add, remember=found.canary is not None)
            look = look_at_folder(folder, registry.files, strict=strict)
        try:
            drift = drift_of(registry.releases, found, look)
        except ChangedWhileReading as error:
            error.hint = HINT
            raise
    return _tell(session, drift, place, component, everything=everything)


def _look_at_service(registry: OpenRegistry, place: str, *, strict: bool) -> Look:
    from lastgood.integrations.running import RemoteFiles, fetch_running, files_url_of  # noqa: PLC0415
    from lastgood.registry.drift import look_at_document  # noqa: PLC0415

    document = fetch_running(place)
    base = files_url_of(document, place)
    remote = None if base is None else lambda paths: RemoteFiles(base, paths, registry.files)
    return look_at_document(document, registry.releases, registry.files, remote, strict=strict)


def _tell(session: Session, drift: Drift, place: str, component: str | None, *, everything: bool) -> int:
    output, looked = session.output, drift.looked
    changes = drift.comparison.components
    others = looked.others
    if component is not None:
        name = ComponentName.parse(component)
        changes = tuple(change for change in changes if change.name == name)
        others = ()
        if not changes:
            raise NotFound(f"neither {drift.release.label} nor what runs has a component {name}")
    drifted = drift.drifted if component is None else any(change.change is not Change.UNCHANGED for change in changes)
    named = f"{'the canary ' if drift.is_canary else ''}{drift.release.label} {drift.release.release.short}"
    output.data(f"{drift.environment.name} {'should run' if drifted else 'runs'} {named}{', and does not:' if drifted else ': no drift'}")
    if drifted:
        print_comparison(output, Comparison(changes), How.EVERYTHING if everything else How.SCREEN)
    for path in others if everything else others[:_MOST_OTHERS]:
        output.data(f"{path} belongs to no component")
    if not everything and len(others) > _MOST_OTHERS:
        output.data(f"… and {len(others) - _MOST_OTHERS:,} more files; --all lists them")
    _say_beside(session, drift)
    output.answer(
        "drift",
        {
            "environment": drift.environment.name,
            "place": place,
            "release": str(drift.release.release),
            "number": drift.release.number,
            "canary": drift.is_canary,
            "drift": drifted,
            "components": [change.to_json() for change in changes],
            "others": list(others),
            "absent": list(looked.absent),
            "notes": [note.to_json() for note in looked.notes],
        },
    )
    return Integrity.exit_code if drifted else 0


def _say_beside(session: Session, drift: Drift) -> None:
    for note in drift.looked.notes:
        session.output.note(f"note: {note.path}: {note.text}" if note.path else f"note: {note.text}")
    if drift.looked.absent:
        session.output.note(f"not there, and not needed to answer: {', '.join(drift.looked.absent)}")


def _describe(session: Session, root: Path) -> int:
    """Write what a service can answer with; it is JSON with or without --json."""
    from lastgood.model.paths import check_path  # noqa: PLC0415
    from lastgood.model.running import write_running  # noqa: PLC0415
    from lastgood.workspace.running import RunningFolder  # noqa: PLC0415

    with session.output.progress("describe") as progress:
        folder = RunningFolder(root, progress.add)
        found = [entry for path in folder.below("") if (entry := folder.entry(path)) is not None]
    entries, odd = [], dict(folder.odd)
    for entry in found:
        try:
            check_path(entry.path)
            entries.append(entry)
        except InvalidPath as error:
            odd[entry.path] = error.message
    for path, what in odd.items():
        session.output.note(f"note: {path}: {what}: left out")
    say(json.dumps(write_running(entries, _release_of(folder.root))))
    return 0


def _release_of(root: Path) -> ReleaseId | None:
    """Return the release whose name a folder bears, as those of live folders do."""
    try:
        return ReleaseId.parse(root.name)
    except InvalidName:
        return None
