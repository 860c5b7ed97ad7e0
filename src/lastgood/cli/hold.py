"""`lastgood hold`: keep the bytes of a release, whatever the retention policy says."""

from __future__ import annotations

import click

from lastgood.cli.session import Session, in_session


@click.command("hold")
@click.argument("revision", metavar="REV")
@click.option("--reason", metavar="TEXT", help="Why, for whoever asks later.")
@click.option("--lift", is_flag=True, help="Hold it no longer.")
@in_session
def command(session: Session, revision: str, reason: str | None, lift: bool) -> None:
    """Hold a release: neither the retention policy nor the collector takes its bytes until the hold is lifted.

    Holding what is held changes nothing, and leaves the reason as it is.
    """
    with session.registry() as registry:
        release = (registry.holds.lift if lift else registry.holds.hold)(revision, reason)
    session.output.data(f"{release.label} {release.release.short} is {'no longer held' if lift else 'held'}")
    session.output.answer("hold", {"release": str(release.release), "number": release.number, "held": not lift})
