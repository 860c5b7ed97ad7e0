"""`lastgood diff`: what exactly changed between two releases, or between a release and what lies in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lastgood.cli.comparing import ranks_of, token_counter
from lastgood.cli.output import first_line, time_text
from lastgood.cli.rendering import How, print_comparison
from lastgood.cli.session import Session, in_session
from lastgood.errors import Invalid
from lastgood.ids import ComponentName
from lastgood.registry.diff import Diff, DiffSide, Looking

if TYPE_CHECKING:
    from lastgood.workspace.declaration import Workspace


@click.command("diff")
@click.argument("old", metavar="A")
@click.argument("new", metavar="[B]", required=False)
@click.option("--against", metavar="DIR", type=click.Path(path_type=Path), help="Compare with the files of a folder instead of B.")
@click.option("--component", metavar="C", help="Only this component.")
@click.option("--stat", "sentences", is_flag=True, help="One sentence a component, and nothing below it.")
@click.option("--tokenizer", metavar="FILE", help="A tokenizer.json: say the lengths of prompts in its tokens as well.")
@click.option("--all", "everything", is_flag=True, help="Do not cut long lists.")
@click.option("--html", "page", metavar="FILE", type=click.Path(path_type=Path), help="Write a page that can be read and printed anywhere.")
@in_session
def command(
    session: Session,
    old: str,
    new: str | None,
    against: Path | None,
    component: str | None,
    tokenizer: str | None,
    *,
    sentences: bool,
    everything: bool,
    page: Path | None,
) -> None:
    """Say what changed from A to B, per component, in that kind's own terms.

    Without B: from A to what lies in the workspace. With --against: from A to the files of a folder, such as those that a
    service runs from. Ranked: what is likeliest to move behavior comes first, or what [diff.rank] in lastgood.toml says.
    """
    if sentences and everything:
        raise Invalid("--stat cuts what --all asks for; take one of them")
    with session.registry() as registry, session.output.progress("diff") as progress:
        looking = Looking(
            component=None if component is None else ComponentName.parse(component),
            progress=progress.add,
            ranks=ranks_of(session),
            tokens=token_counter(session, tokenizer),
        )
        found = registry.diff(old, _other_side(session, new, against), looking)
    session.output.note(f"from {_side(found.old)}\nto   {_side(found.new)}")
    how = How.SENTENCES if sentences else How.EVERYTHING if everything else How.SCREEN
    print_comparison(session.output, found.comparison, how)
    if page is not None:
        _write_page(session, found, page)
    session.output.answer("diff", _json(found))


def _other_side(session: Session, new: str | None, against: Path | None) -> str | Path | Workspace:
    if new is not None and against is not None:
        raise Invalid("--against DIR stands in the place of B; take one of them")
    if against is not None:
        return session.folder / against
    return session.require_workspace() if new is None else new


def _write_page(session: Session, found: Diff, page: Path) -> None:
    from lastgood.pages.comparison import comparison_page  # noqa: PLC0415 - seldom asked for
    from lastgood.pages.page import write_page  # noqa: PLC0415

    write_page(session.folder / page, comparison_page(found))
    session.output.note(f"{page} has it as a page")


def _json(found: Diff) -> dict[str, object]:
    return {
        **_side_json("from", found.old),
        **_side_json("to", found.new),
        "behavior_changed": found.behavior_changed,
        "components": [change.to_json() for change in found.comparison.components],
        "findings": [finding.to_json() for finding in found.findings],
    }


def _side_json(name: str, side: DiffSide) -> dict[str, object]:
    release = side.release
    return {
        name: None if release is None else str(release.release),
        f"{name}_number": None if release is None else release.number,
        f"{name}_folder": side.text if release is None else None,
    }


def _side(side: DiffSide) -> str:
    release = side.release
    if release is None:
        return side.text
    asked = "" if side.text == release.label else f"{side.text} "
    asked += f"({time_text(side.at)}) " if side.at is not None else ""
    by = f" by {release.author}" if release.author else ""
    message = f" “{first_line(release.message)}”" if release.message else ""
    return f"{asked}{'= ' if asked else ''}{release.label}, {time_text(release.recorded_at)}{by}{message}"
