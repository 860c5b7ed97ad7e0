"""`lastgood import`: bring in what was written elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from lastgood.cli.session import Session, in_session
from lastgood.compare.wording import count, size


@click.group("import")
def command() -> None:
    """Bring in what was written elsewhere: a backup, a bundle."""


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
    if done.new_key is not None:
        session.output.note(f"backups hold no key, so a new one signs from here on: {done.new_key.id.hex()}")
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


@command.command("bundle")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--key", "keys", metavar="KEY", multiple=True, help="Only if the history it comes from is signed by this key.")
@in_session
def bundle_command(session: Session, file: Path, keys: tuple[str, ...]) -> None:
    """Take in the release of a bundle that `lastgood export` wrote.

    Every byte, the proof and the signature are checked first. The release is the same by its digest; its number is the next
    one here. --key names the key that you know the other registry by (`lastgood ledger show` there); it may be repeated.
    """
    with session.registry() as registry:
        done = registry.bundles.read(session.folder / file, keys)
    release = done.release
    if not keys:
        known = ", ".join(key.id.hex() for key in done.keys)
        session.output.warn(f"the bundle says of itself that {known} signed the history it comes from; --key KEY takes only one you know")
    what = "" if done.created else " was here already"
    session.output.data(f"{release.label} {release.release.short}{what}: event {done.event} of registry {done.origin}")
    if done.signed_by is not None:
        session.output.note(f"the release itself is signed by {done.signed_by.id.hex()}")
    session.output.answer(
        "import-bundle",
        {
            "release": str(release.release),
            "number": release.number,
            "pipeline": str(release.pipeline),
            "created": done.created,
            "origin": str(done.origin),
            "event": done.event,
            "keys": [str(key) for key in done.keys],
            "signed_by": None if done.signed_by is None else str(done.signed_by),
        },
    )
