"""`lastgood tag`: give a release a name that stays."""

from __future__ import annotations

import click

from lastgood.cli.session import Session, in_session


@click.command("tag")
@click.argument("revision", metavar="REV")
@click.argument("name", metavar="TAG")
@in_session
def command(session: Session, revision: str, name: str) -> None:
    """Give a release a tag; a tag never moves to another release."""
    with session.registry() as registry:
        release = registry.releases.tag(revision, name)
    session.output.data(f"{name} is {release.label} {release.release.short}")
    session.output.answer("tag", {"tag": name, "release": str(release.release), "number": release.number})
