"""`lastgood tag`: give a release a name that stays."""

from __future__ import annotations

import click

from lastgood.cli.session import Session, in_session


@click.command("tag")
@click.argument("revision", metavar="REV")
@click.argument("name", metavar="TAG")
@click.option("--move", "move_it", is_flag=True, help="Take it from the release that has it; history keeps where it was.")
@in_session
def command(session: Session, revision: str, name: str, move_it: bool) -> None:
    """Give a release a tag; a tag moves to another release only with --move."""
    with session.registry() as registry:
        release = registry.releases.tag(revision, name, move_it=move_it)
    session.output.data(f"{name} is {release.label} {release.release.short}")
    session.output.answer("tag", {"tag": name, "release": str(release.release), "number": release.number})
