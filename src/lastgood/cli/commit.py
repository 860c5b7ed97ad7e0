"""`lastgood commit`: make a release of what is on disk."""

from __future__ import annotations

import click

from lastgood.cli.session import Session, in_session
from lastgood.compare.wording import count, size
from lastgood.errors import Invalid
from lastgood.registry.commit import CommitOptions, Committed


@click.command("commit")
@click.option("-m", "--message", metavar="MSG", help="What this release is for.")
@click.option("--tag", metavar="TAG", help="Give the release a tag, too.")
@click.option("--onto", metavar="latest", help="Follow releases that others made since this workspace's base.")
@click.option("--allow-secrets", is_flag=True, help="Commit files although they look like they hold credentials.")
@click.option("--sign", is_flag=True, help="Sign the release, as `sign = true` in lastgood.toml does for all.")
@in_session
def command(session: Session, message: str | None, tag: str | None, onto: str | None, allow_secrets: bool, sign: bool) -> None:
    """Make a release of what is on disk.

    One release holds weights, prompts, config, data, evals and runtime. When nothing differs from the latest release,
    none is made. When others committed since, nothing is committed (exit 5) unless --onto latest says that what is on
    disk shall stand; that never merges, and what it takes back is printed.
    """
    if onto not in {None, "latest"}:
        raise Invalid(f"--onto takes only 'latest', not {onto!r}")
    workspace = session.require_workspace()
    options = CommitOptions(message=message, tag=tag, onto_latest=onto == "latest", allow_secrets=allow_secrets, sign=sign)
    with session.registry() as registry, session.output.progress("commit") as progress:
        done = registry.commit(workspace, options, progress=progress.add)
    seconds = session.seconds()
    _say(session, done, seconds)
    session.output.answer(
        "commit",
        {
            "release": str(done.release.release),
            "number": done.release.number,
            "state": str(done.release.state),
            "behavior": str(done.release.behavior),
            "created": done.created,
            "files": done.files,
            "bytes_logical": done.bytes_logical,
            "bytes_stored_new": done.bytes_stored_new,
            "changed": list(done.changed),
            "reverted": list(done.reverted),
            "tags": list(done.release.tags),
            "seconds": round(seconds, 3),
        },
    )


def _say(session: Session, done: Committed, seconds: float) -> None:
    release = done.release
    if not done.created:
        session.output.data(f"nothing changed: {release.label} {release.release.short} is what is on disk")
        return
    session.output.data(
        f"{release.label} {release.release.short}  {count(done.files, 'file')}, {size(done.bytes_logical)}"
        f" ({size(done.bytes_stored_new)} new) in {seconds:.2f} s"
    )
    if done.changed:
        session.output.note(f"changed: {', '.join(done.changed)}")
    if done.reverted:
        session.output.warn(f"this takes back what others changed in: {', '.join(done.reverted)}")
