"""`lastgood init`: make a registry and a starter lastgood.toml."""

from __future__ import annotations

import click

from lastgood.api import WORKSPACE_FILE, make_registry
from lastgood.cli.session import Session, in_session
from lastgood.ids import PipelineName
from lastgood.registry.embedded import OWN_FOLDER


@click.command("init")
@click.option("--pipeline", metavar="NAME", help="The pipeline's name. [default: the folder's name]")
@in_session
def command(session: Session, pipeline: str | None) -> None:
    """Make a registry here and a starter lastgood.toml.

    Looks at the folder for models, prompts, configs, data, evals and lock files and writes what it found into
    lastgood.toml, with a retention policy; a lastgood.toml that is there already is kept as it is.
    """
    folder = session.folder
    kept = (folder / WORKSPACE_FILE).exists()
    workspace = make_registry(folder, session.settings(), PipelineName.parse(pipeline) if pipeline else None)
    session.output.note(f"{WORKSPACE_FILE} was there already and is kept as it is" if kept else f"wrote {WORKSPACE_FILE}")
    session.output.data(f"registry {folder / OWN_FOLDER} for the pipeline {workspace.pipeline}")
    for component in workspace.components:
        where = ", ".join(component.paths)
        session.output.note(f"  {component.kind.value:9} {component.name:20} {where}")
    session.output.note(f'next: look at {WORKSPACE_FILE}, then lastgood commit -m "first release"')
    session.output.answer(
        "init",
        {
            "registry": str(folder / OWN_FOLDER),
            "pipeline": workspace.pipeline,
            "kept": kept,
            "components": [{"name": one.name, "kind": one.kind.value} for one in workspace.components],
        },
    )
