"""`lastgood export`: write a release into one file that another registry can take in."""

from __future__ import annotations

from pathlib import Path

import click

from lastgood.cli.session import Session, in_session
from lastgood.compare.wording import count, size


@click.command("export")
@click.argument("revision", metavar="REV")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@in_session
def command(session: Session, revision: str, file: Path) -> None:
    """Write a release into one new file: its bytes, its manifest, and the proof that it is in the signed history.

    `lastgood import bundle FILE` takes it into another registry, offline; a byte that differs anywhere is found. The file is
    a plain tar.
    """
    with session.registry() as registry, session.output.progress("export") as progress:
        release = registry.releases.find(revision).release
        done = registry.bundles.write(release, session.folder / file, lambda length: progress.add(0, length))
    signed = "signed" if done.is_signed else "not signed itself"
    session.output.data(f"{release.label} {release.release.short} in {file}: {count(done.files, 'file')}, {size(done.bytes)}, {signed}")
    session.output.answer(
        "export",
        {
            "file": str(done.file),
            "release": str(done.release),
            "number": release.number,
            "files": done.files,
            "bytes": done.bytes,
            "signed": done.is_signed,
        },
    )
