"""`lastgood checkout`: write the files of a release into a new folder."""

from __future__ import annotations

from pathlib import Path

import click

from lastgood.cli.session import Session, in_session
from lastgood.compare.wording import count, size


@click.command("checkout")
@click.argument("revision", metavar="REV")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--component", metavar="C", help="Only the files of one component.")
@in_session
def command(session: Session, revision: str, folder: Path, component: str | None) -> None:
    """Write the files of a release under DIR, bit for bit.

    DIR must be new or empty. Files stand at their workspace paths, beside the lastgood.toml of that release.
    """
    with session.registry() as registry:
        found = registry.releases.find(revision)
        with session.output.progress("checkout") as progress:
            release = str(found.release.release)
            done = registry.checkout(release, session.folder / folder, component=component, progress=progress.add)
    seconds = session.seconds()
    session.output.data(f"{found.release.label} in {folder}: {count(done.files, 'file')}, {size(done.bytes)} in {seconds:.2f} s")
    session.output.answer(
        "checkout",
        {
            "release": str(found.release.release),
            "number": found.release.number,
            "files": done.files,
            "bytes": done.bytes,
            "seconds": round(seconds, 3),
        },
    )
