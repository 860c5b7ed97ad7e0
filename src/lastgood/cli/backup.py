"""`lastgood backup`: write a consistent copy of the registry into one file."""

from __future__ import annotations

from pathlib import Path

import click

from lastgood.cli.session import Session, in_session
from lastgood.compare.wording import count, size


@click.command("backup")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@in_session
def command(session: Session, file: Path) -> None:
    """Write a consistent copy of the registry into FILE, while others may write.

    FILE must be new. It is a plain tar with everything that a registry is, proven byte for byte on its way; the way back
    is `lastgood import backup`.
    """
    with session.registry() as registry, session.output.progress("backup") as progress:
        done = registry.upkeep.backup(session.folder / file, lambda length: progress.add(0, length))
    session.output.data(f"{file}: {size(done.bytes)}, {count(done.packs, 'pack')}, {count(done.events, 'event')}")
    session.output.answer(
        "backup",
        {"file": str(done.file), "registry": str(done.registry), "bytes": done.bytes, "packs": done.packs, "events": done.events},
    )
