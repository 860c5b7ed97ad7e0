"""`lastgood mark`: call a release bad, or good again."""

from __future__ import annotations

import click

from lastgood.cli.session import Session, in_session
from lastgood.errors import Invalid
from lastgood.model.changes.releases import Verdict


@click.command("mark")
@click.argument("verdict", type=click.Choice(["bad", "good"]))
@click.argument("revision", metavar="REV")
@click.option("--why", metavar="TEXT", required=True, help="Why, for whoever asks later.")
@in_session
def command(session: Session, verdict: str, revision: str, why: str) -> None:
    """Call the behavior of a release bad, or good again.

    What is bad is refused by deploy and rollback in every environment, and so is every release that behaves alike.
    Good takes back bad, and lifts the suspicion that a rollback left in any environment.
    """
    if not why.strip():
        raise Invalid("--why says nothing")
    with session.registry() as registry:
        release = registry.releases.mark(revision, Verdict(verdict), why)
        details = registry.releases.details(str(release.release))
    session.output.data(f"{release.label} {release.release.short} is marked {verdict}")
    if verdict == "bad":
        for environment in details.live_in:
            session.output.warn(f"{environment} is on it now: lastgood rollback {environment}")
        for environment in details.canary_in:
            session.output.warn(f"{environment} runs it as a canary: lastgood rollback {environment}")
    session.output.answer(
        "mark",
        {"release": str(release.release), "number": release.number, "verdict": verdict, "live_in": list(details.live_in)},
    )
