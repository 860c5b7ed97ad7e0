"""`lastgood gc`: take back the bytes that no release needs."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from lastgood.cli.session import Session, in_session
from lastgood.compare.wording import count, size
from lastgood.errors import Invalid

if TYPE_CHECKING:
    from lastgood.registry.collect import Collected

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DEFAULT = "24h"
_GRACE = re.compile(r"([0-9]{1,6})([smhdw])")


@click.command("gc")
@click.option("--apply", "is_applied", is_flag=True, help="Do it; without this it only tells.")
@click.option(
    "--grace", metavar="TIME", default=_DEFAULT, show_default=True, help="How long what is not needed stays: 0s, 90m, 2h, 7d, 2w."
)
@in_session
def command(session: Session, *, is_applied: bool, grace: str) -> None:
    """Take back the bytes that no release needs; without --apply only tell how many.

    What no release needs is condemned first and can still be read. What was condemned for as long as the grace lasts is
    swept, and packs that are dead, or mostly dead, are deleted or rewritten. So bytes become free with the second run, a
    grace after the first. Commits may run beside it; with --grace 0s a checkout that is under way may have to begin again.
    """
    wait = _parse_grace(grace)
    with session.registry() as registry:
        told = registry.upkeep.collect(wait) if is_applied else registry.upkeep.plan_collection(wait)
    for note in told.notes:
        session.output.warn(note)
    for line in _lines(told, grace):
        session.output.data(line)
    fields = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(told).items()}
    session.output.answer("gc", {**fields, "bytes_freed": told.bytes_freed, "grace_seconds": int(wait.total_seconds())})


def _parse_grace(text: str) -> timedelta:
    found = _GRACE.fullmatch(text)
    if found is None:
        raise Invalid(f"{text!r} is no length of time: write 0s, 90m, 2h, 7d or 2w", hint="lastgood gc --help")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _lines(told: Collected, grace: str) -> list[str]:
    would = "" if told.applied else "would be "
    lines = [
        *_line(told.chunks_condemned, told.files_condemned, f"{would}condemned: no release needs them"),
        *_line(told.chunks_revived, told.files_revived, f"{would}revived: a release needs them again"),
        *_line(told.chunks_swept, told.files_swept, f"{would}swept: condemned for {grace} or longer"),
    ]
    if told.packs_rewritten:
        lines.append(f"{count(told.packs_rewritten, 'pack')} {would}rewritten, being mostly dead, as {size(told.bytes_written)}")
    if told.packs_deleted:
        lines.append(f"{count(told.packs_deleted, 'pack')} {would}deleted ({size(told.bytes_deleted)})")
    if told.bytes_waiting or told.packs_waiting:
        lines.append(f"about {size(told.bytes_waiting)} {'waits' if told.applied else 'would wait'} for the grace of {grace}")
    lines.append(_last_line(told, grace))
    return lines


def _last_line(told: Collected, grace: str) -> str:
    if told.applied:
        return f"freed: {size(told.bytes_freed)}"
    changes = (told.files_condemned, told.chunks_condemned, told.files_swept, told.chunks_swept, told.packs_dropped)
    if not any((*changes, told.packs_rewritten, told.packs_deleted, told.packs_waiting)):
        return "nothing to collect"
    given = "" if grace == _DEFAULT else f" --grace {grace}"
    return f"would be freed: {size(told.bytes_freed)}; nothing was changed, `lastgood gc --apply{given}` does it"


def _line(chunks: int, files: int, what: str) -> list[str]:
    return [f"{count(files, 'file')} and {count(chunks, 'chunk')} {what}"] if chunks or files else []
