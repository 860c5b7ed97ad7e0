"""`lastgood import`: bring in what was written elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from lastgood.cli.session import Session, in_session
from lastgood.compare.wording import count, size


@click.group("import")
def command() -> None:
    """Bring in what was written elsewhere, such as a backup."""


@command.command("backup")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@in_session
def backup_command(session: Session, file: Path) -> None:
    """Make the registry that a backup holds, in a folder that has none.

    Every byte is verified on its way; the registry is there wholly or not at all. -C names the folder.
    """
    from lastgood.registry.embedded import OWN_FOLDER  # noqa: PLC0415  # as the next one
    from lastgood.registry.import_backup import import_backup  # noqa: PLC0415  # `--help` needs neither

    with session.output.progress("import") as progress:
        folder = session.folder / OWN_FOLDER
        done = import_backup(session.folder / file, folder, session.settings(), lambda length: progress.add(0, length))
    for loss in done.losses:
        session.output.warn(f"lost before it was backed up: {loss.what} (hurts {', '.join(loss.releases)})")
    session.output.data(f"registry {done.folder}: {size(done.bytes)}, {count(done.packs, 'pack')}, {count(done.events, 'event')}")
    session.output.answer(
        "import-backup",
        {
            "file": str(session.folder / file),
            "registry": str(done.folder),
            "id": str(done.registry),
            "bytes": done.bytes,
            "packs": done.packs,
            "events": done.events,
            "losses": [{"what": loss.what, "releases": list(loss.releases)} for loss in done.losses],
        },
    )
