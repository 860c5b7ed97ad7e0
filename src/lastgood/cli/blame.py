"""`lastgood blame`: which release brought each line, key, tensor or file, who made it, and when it first got where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from lastgood.cli.session import Session, in_session
from lastgood.clock import format_instant

if TYPE_CHECKING:
    from lastgood.registry.blame import Blame, BlamedFile, Origin
    from lastgood.registry.reaching import Reached


@click.command("blame")
@click.argument("target", metavar="COMPONENT[/PATH]")
@click.option("--env", "environment", metavar="E", help="When it first reached E, of what E runs unless --rev says otherwise.")
@click.option("--rev", "revision", metavar="REV", help="Of this release.  [default: the latest]")
@click.option("--row", metavar="KEY", help="Of a dataset only the row with this key, cell by cell.")
@click.option("--lines", is_flag=True, help="Tell configs by lines, not by keys.")
@click.option("-M", "--moves", is_flag=True, help="Lines that moved within their file keep their origin.")
@click.option("--all", "everything", is_flag=True, help="Every file in its parts, every tensor.")
@in_session
def command(session: Session, target: str, **options: Any) -> None:  # noqa: ANN401 - as `Asked` has them
    """Say where a component comes from: release, author, message, and when that first reached an environment.

    Prompts and code are told by lines, configs by dotted keys, weights by tensors, rows of datasets by cells; files that
    were renamed are followed. A PATH is one from the workspace root, or from the folder of the component.
    """
    from lastgood.registry.blame import Asked  # noqa: PLC0415 - with what it is made of, half of this command's start

    asked = Asked(**options)
    with session.registry() as registry:
        blame = registry.blame(target, asked)
    if not session.output.json:
        from lastgood.cli.blame_drawing import draw_blame  # noqa: PLC0415 - only for the eye

        draw_blame(session.output, blame, asked)
    session.output.answer("blame", blame_json(blame))


def blame_json(blame: Blame) -> dict[str, object]:
    """Return the fields of `--json`."""
    return {
        "component": blame.component,
        "kind": blame.kind.value,
        "release": str(blame.release.release),
        "number": blame.release.number,
        "environments": list(blame.environments),
        "lines": [line for file in blame.files for line in _lines(file)],
        "notes": [{"path": file.path, "text": note} for file in blame.files for note in file.notes]
        + [{"path": None, "text": note} for note in blame.notes],
    }


def _lines(file: BlamedFile) -> Iterator[Mapping[str, object]]:
    for one in file.parts:
        yield {"path": file.path, **one.part.to_json(), **_origin_json(one.origin)}


def _origin_json(origin: Origin) -> Mapping[str, object]:
    return {
        "release": str(origin.release.release),
        "number": origin.release.number,
        "author": origin.release.author,
        "message": origin.release.message,
        "recorded_at": format_instant(origin.release.recorded_at),
        "reached": {name: _reached_json(one) for name, one in origin.reached.items()},
    }


def _reached_json(reached: Reached) -> Mapping[str, object]:
    one = reached.deployment
    return {"at": format_instant(one.recorded_at), "deployment": one.revision, "by": one.actor, "is_there": reached.is_there}
