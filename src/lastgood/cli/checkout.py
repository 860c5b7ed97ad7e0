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
@click.option("--link", is_flag=True, help="Share large files with the cache, by hard links; then no file is writable.")
@click.option("--verify", is_flag=True, help="Read what the cache has before it is used, whoever may have written to it.")
@in_session
def command(session: Session, revision: str, folder: Path, component: str | None, link: bool, verify: bool) -> None:
    """Write the files of a release under DIR, bit for bit.

    DIR must be new or empty. Files stand at their workspace paths, beside the lastgood.toml of that release.

    Files of a MiB and more are kept in a cache of this host, from which the next checkout has them at once; what somebody
    wrote to since is never used. LASTGOOD_CACHE_SIZE (20GiB, 500MB, 0 for none) bounds it.
    """
    with session.registry() as registry:
        found = registry.releases.find(revision)
        with session.output.progress("checkout") as progress:
            release = str(found.release.release)
            target = session.folder / folder
            done = registry.checkout(release, target, component=component, link=link, verify=verify, progress=progress.add)
    seconds = session.seconds()
    session.output.data(f"{found.release.label} in {folder}: {count(done.files, 'file')}, {size(done.bytes)} in {seconds:.2f} s")
    if done.from_cache:
        linked = f", {done.linked:,} as links" if done.linked else ""
        session.output.note(f"from the cache: {count(done.from_cache, 'file')}{linked}")
    session.output.answer(
        "checkout",
        {
            "release": str(found.release.release),
            "number": found.release.number,
            "files": done.files,
            "bytes": done.bytes,
            "seconds": round(seconds, 3),
            "from_cache": done.from_cache,
            "linked": done.linked,
        },
    )
