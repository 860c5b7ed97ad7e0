"""`lastgood diff`: what exactly changed between two releases."""

from __future__ import annotations

import click

from lastgood.cli.comparing import ranks_of, token_counter
from lastgood.cli.output import first_line, time_text
from lastgood.cli.rendering import print_comparison
from lastgood.cli.session import Session, in_session
from lastgood.errors import NotFound
from lastgood.ids import ComponentName
from lastgood.registry.resolve import Resolved


@click.command("diff")
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@click.option("--component", metavar="C", help="Only this component.")
@click.option("--tokenizer", metavar="FILE", help="A tokenizer.json: say the lengths of prompts in its tokens as well.")
@click.option("--all", "everything", is_flag=True, help="Do not cut long lists.")
@in_session
def command(session: Session, old: str, new: str, component: str | None, tokenizer: str | None, everything: bool) -> None:
    """Say what changed from A to B, per component, in that kind's own terms.

    Ranked: what is likeliest to move behavior comes first, or what [diff.rank] in lastgood.toml says. Prompts are compared
    by words and messages, configs by dotted keys, tools and routes, everything else by files and declared fields.
    """
    with session.registry() as registry:
        sides = [registry.releases.find(revision) for revision in (old, new)]
        ends = [str(side.release.release) for side in sides]
        comparison = registry.diff(*ends, ranks=ranks_of(session), tokens=token_counter(session, tokenizer))
    changes = comparison.components
    if component is not None:
        name = ComponentName.parse(component)
        changes = tuple(change for change in changes if change.name == name)
        if not changes:
            raise NotFound(f"neither release has a component {name}")
    session.output.note(f"from {_side(sides[0])}\nto   {_side(sides[1])}")
    print_comparison(session.output, changes, everything=everything)
    session.output.answer(
        "diff",
        {
            "from": str(sides[0].release.release),
            "from_number": sides[0].release.number,
            "to": str(sides[1].release.release),
            "to_number": sides[1].release.number,
            "behavior_changed": sides[0].release.behavior != sides[1].release.behavior,
            "components": [change.to_json() for change in changes],
            "findings": [finding.to_json() for finding in comparison.findings],
        },
    )


def _side(side: Resolved) -> str:
    release = side.release
    asked = "" if side.text == release.label else f"{side.text} "
    asked += f"({time_text(side.at)}) " if side.at is not None else ""
    by = f" by {release.author}" if release.author else ""
    message = f" “{first_line(release.message)}”" if release.message else ""
    return f"{asked}{'= ' if asked else ''}{release.label}, {time_text(release.recorded_at)}{by}{message}"
