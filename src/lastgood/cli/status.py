"""`lastgood status`: the workspace against the latest release and each environment."""

from __future__ import annotations

import click

from lastgood.api import OpenRegistry
from lastgood.cli.rendering import How, print_comparison
from lastgood.cli.session import Session, in_session
from lastgood.compare.wording import count
from lastgood.live.folder import LiveFolder
from lastgood.registry.status import EnvironmentStatus, Status

_MOST_NAMED = 3


@click.command("status")
@click.option("--all", "everything", is_flag=True, help="Do not cut long lists.")
@in_session
def command(session: Session, everything: bool) -> None:
    """Say what differs on disk from the latest release, and what each environment is on."""
    workspace = session.require_workspace()
    with session.registry() as registry, session.output.progress("status") as progress:
        session.settle(registry)
        found = registry.status(workspace, progress.add)
        served = {one.name: _served(registry, one.name, found) for one in found.environments}
    _print_head(session, found)
    if found.latest is not None:
        print_comparison(session.output, found.comparison, How.EVERYTHING if everything else How.SCREEN)
    for one in found.environments:
        session.output.data(f"{one.name} is on {one.release.label} {one.release.release.short}: {_relation(one)}")
        _say_served(session, one, served[one.name])
    session.output.answer(
        "status",
        {
            "pipeline": workspace.pipeline,
            "base": str(found.base.release) if found.base else None,
            "base_number": found.base.number if found.base else None,
            "latest": str(found.latest.release) if found.latest else None,
            "latest_number": found.latest.number if found.latest else None,
            "stale": _is_stale(found),
            "changes": [change.to_json() for change in found.comparison.changed],
            "environments": [
                {
                    "environment": one.name,
                    "release": str(one.release.release),
                    "number": one.release.number,
                    "same_state": one.same_state,
                    "same_behavior": one.same_behavior,
                    "served": None if (folder := served[one.name]) is None else str(folder.served),
                    "touched": None if folder is None else folder.touched(),
                }
                for one in found.environments
            ],
        },
    )


def _print_head(session: Session, found: Status) -> None:
    if found.latest is None:
        session.output.data('no release yet: lastgood commit -m "first release"')
        return
    if found.comparison.changed:
        session.output.data(f"on disk, against {found.latest.label} (the latest):")
    else:
        session.output.data(f"on disk is {found.latest.label} {found.latest.release.short}, the latest")
    if found.base is not None and _is_stale(found):
        session.output.warn(
            f"this workspace is based on {found.base.label}, and others committed since: "
            f"lastgood diff {found.base.label} {found.latest.label}"
        )


def _served(registry: OpenRegistry, environment: str, found: Status) -> LiveFolder | None:
    return None if found.latest is None else registry.environments.folders.of(environment, found.latest.pipeline)


def _say_served(session: Session, one: EnvironmentStatus, folder: LiveFolder | None) -> None:
    """Say whether somebody laid hands on what a service reads; no file is read for that."""
    touched = None if folder is None else folder.touched()
    if folder is None or not touched:
        return
    named = ", ".join(touched[:_MOST_NAMED]) + (f" and {len(touched) - _MOST_NAMED:,} more" if len(touched) > _MOST_NAMED else "")
    number = count(len(touched), "file")
    session.output.warn(f"in {folder.served} {number} may have been changed by hand: {named}; lastgood drift {one.name} {folder.served}")


def _is_stale(found: Status) -> bool:
    return found.base is not None and found.latest is not None and found.base.release != found.latest.release


def _relation(one: EnvironmentStatus) -> str:
    if one.same_state:
        return "what is on disk"
    return "behaves like what is on disk" if one.same_behavior else "differs from what is on disk"
