"""`lastgood verify`: check bytes, manifests and history."""

from __future__ import annotations

from pathlib import Path

import click

from lastgood.cli.session import Session, in_session
from lastgood.compare.wording import count, size
from lastgood.errors import Integrity


@click.command("verify")
@click.argument("revision", metavar="[REV]", required=False)
@click.option("--full", is_flag=True, help="Decode every file as well, which takes longer.")
@click.option("--replay", is_flag=True, help="Name every row of the catalog that is not what the events say.")
@click.option("--against", metavar="FILE", type=click.Path(path_type=Path), help="A checkpoint that was kept elsewhere.")
@in_session
def command(session: Session, revision: str | None, full: bool, replay: bool, against: Path | None) -> int:
    """Check that history, manifests and every byte are what they should be.

    Every byte that is kept is read once and held against what it is called; --full decodes every file of every release
    and compares it with its SHA-256, too. With REV only what that release needs. Exit 7 if something is wrong; what it hurts is named.

    The history is held against its signed checkpoints and against the last one that your user saw on this machine; --against
    FILE names one that was kept elsewhere (`lastgood ledger checkpoint FILE`), which no one with the registry in hand can change.
    Every table is made anew from the events and compared; a row that differs is named, with --replay all of them.
    """
    checkpoint = None if against is None else session.read_small(against)
    with session.registry() as registry, session.output.progress("verify") as progress:
        result = registry.verify(revision, lambda size: progress.add(0, size), full=full, against=checkpoint, name_all=replay)
    for note in result.notes:
        session.output.note(f"note: {note}")
    for problem in result.problems:
        hurt = f" (hurts {', '.join(problem.releases)})" if problem.releases else ""
        session.output.data(f"problem: {problem.what}{hurt}")
    checked = ", ".join((count(result.events, "event"), count(result.releases, "release"), count(result.files, "file"), size(result.bytes)))
    session.output.data(f"all right: {checked}" if result.ok else f"{count(len(result.problems), 'problem')} in {checked}")
    session.output.answer(
        "verify",
        {
            "ok": result.ok,
            "problems": [{"what": one.what, "releases": list(one.releases)} for one in result.problems],
            "notes": list(result.notes),
            "events": result.events,
            "releases": result.releases,
            "files": result.files,
            "bytes": result.bytes,
        },
    )
    return 0 if result.ok else Integrity.exit_code
