"""`lastgood optimize`: encode old chunks better."""

from __future__ import annotations

import click

from lastgood.cli.session import Session, in_session
from lastgood.compare.wording import count, size


@click.command("optimize")
@click.option("--level", type=click.IntRange(1, 22), help="How hard to compress what is no numbers. [default: 15]")
@click.option("--dry-run", is_flag=True, help="Do the work and tell what it would save, but keep nothing of it.")
@in_session
def command(session: Session, level: int | None, dry_run: bool) -> None:
    """Encode old chunks better: as deltas of what is alike, text at a higher level.

    Nothing changes but the room that it takes. It may be interrupted at any time, and goes on where it ended; commits and
    deployments go on meanwhile. The packs that were replaced still take their room until `lastgood gc` has dropped them.
    """
    with session.registry() as registry, session.output.progress("optimize") as progress:
        done = registry.upkeep.optimize(level=level, dry_run=dry_run, progress=lambda length: progress.add(0, length))
    for reason in done.left_alone:
        session.output.warn(f"left alone: {reason}")
    if done.packs:
        would = "would be" if dry_run else "are"
        session.output.data(
            f"{count(done.chunks, 'chunk')} {would} encoded better: {size(done.bytes_before)} in packs, {size(done.bytes_after)} after gc"
        )
        if not dry_run:
            session.output.note(f"{count(done.packs, 'pack')} replaced: `lastgood gc --apply` drops what is not read any more")
    else:
        session.output.data(f"nothing to gain: {size(done.bytes_before)} in packs")
    session.output.answer(
        "optimize",
        {
            "bytes_before": done.bytes_before,
            "bytes_after": done.bytes_after,
            "bytes_saved": done.bytes_saved,
            "chunks": done.chunks,
            "packs": done.packs,
            "dry_run": dry_run,
            "left_alone": list(done.left_alone),
            "seconds": round(session.seconds(), 3),
        },
    )
