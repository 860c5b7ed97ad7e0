"""`lastgood live`: keep a folder of this host on what an environment runs."""

from __future__ import annotations

from pathlib import Path

import click

from lastgood.cli.session import Session, in_session
from lastgood.errors import Invalid
from lastgood.ids import EnvironmentName


@click.command("live")
@click.argument("environment", metavar="ENV")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--off", is_flag=True, help="Stop keeping a folder; what is there stays.")
@in_session
def command(session: Session, environment: str, folder: Path | None, off: bool) -> None:
    """Keep DIR/current on what ENV runs, on this host.

    Deploy and rollback write the release below DIR/releases and switch DIR/current in one step, so that a service which
    reads DIR/current follows. The folder belongs to this host and is never part of the registry.
    """
    from lastgood.live.places import live_folders, set_live_folder  # noqa: PLC0415

    if off == (folder is not None):
        raise Invalid("give a DIR, or --off", hint=f"lastgood live {environment} run/{environment}")
    name = EnvironmentName.parse(environment)
    workspace = session.require_workspace()
    place = None if folder is None else (session.folder / folder).absolute()
    set_live_folder(workspace, name, place)
    # With --off a folder that lastgood.toml declares counts again, so what counts now is read back and put right.
    where = live_folders(workspace).get(name)
    if where is not None:
        with session.registry() as registry:
            registry.environments.settle(f"{workspace.pipeline}/{name}")
    session.output.data(f"{name} is kept in {where}" if where else f"{name} is kept in no folder")
    session.output.answer("live", {"environment": name, "folder": str(where) if where else None})
