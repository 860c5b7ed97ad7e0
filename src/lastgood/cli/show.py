"""`lastgood show`: everything about one release."""

from __future__ import annotations

from collections.abc import Mapping

import click

from lastgood.api import OpenRegistry
from lastgood.catalog.removals import Tombstone
from lastgood.cli.approve import approval_json
from lastgood.cli.evaluation import evaluation_json, evaluation_line
from lastgood.cli.output import time_text
from lastgood.cli.session import Session, in_session
from lastgood.cli.verdicts import names_of
from lastgood.clock import format_instant
from lastgood.compare.wording import count, size
from lastgood.model.component import Component
from lastgood.model.listing import FileEntry
from lastgood.model.parts import Part
from lastgood.model.retention_policy import policy_to_json
from lastgood.registry.history import ReleaseDetails
from lastgood.registry.layouts import layout_problems
from lastgood.registry.points import entries_of

MOST_FILES = 10


@click.command("show")
@click.argument("revision", metavar="REV")
@click.option("--all", "everything", is_flag=True, help="List all files.")
@in_session
def command(session: Session, revision: str, everything: bool) -> None:
    """Show one release: its components with their files and lineage, where it ran, how it was judged, who approved it."""
    with session.registry() as registry:
        details = registry.releases.details(revision)
        files = {name: entries_of(one, registry.files) for name, one in details.manifest.components.items()}
        problems = layout_problems((entry for entries in files.values() for entry in entries), registry.files)
        evaluations = registry.evaluations.list(str(details.release.release))
        approvals = registry.policies.approvals(str(details.release.release))
        overridden = _overridden(registry, details)
        stones = registry.retention.tombstones(str(details.release.release))
    _print_head(session, details, overridden)
    for evaluation in evaluations:
        session.output.data(f"judged    {evaluation_line(evaluation)}")
    for approval in approvals:
        session.output.data(f"approved  for {approval.environment} by {approval.actor or '(erased)'}, {time_text(approval.recorded_at)}")
    for stone in stones:
        what = stone.component if stone.part is Part.FILES else f"the optimizer state of {stone.component}"
        session.output.data(f"let go    the bytes of {what}, by {stone.actor or '(erased)'}, {time_text(stone.recorded_at)}")
    for name, component in details.manifest.components.items():
        _print_component(session, component, files[name], problems, everything=everything)
    session.output.answer(
        "show",
        {
            **_head_json(details, overridden),
            "evaluations": [evaluation_json(one) for one in evaluations],
            "let_go": [_stone_json(one) for one in stones],
            "approvals": [approval_json(one) for one in approvals],
            "components": [_component_json(one, files[name], problems) for name, one in details.manifest.components.items()],
        },
    )


def _stone_json(one: Tombstone) -> dict[str, object]:
    return {
        "component": one.component,
        "part": one.part.value,
        "policy": policy_to_json(one.policy),
        "recorded_at": format_instant(one.recorded_at),
        "actor": one.actor,
    }


def _head_json(details: ReleaseDetails, overridden: Mapping[tuple[str, int], str]) -> dict[str, object]:
    return {
        "release": str(details.release.release),
        "number": details.release.number,
        "pipeline": details.release.pipeline,
        "state": str(details.release.state),
        "behavior": str(details.release.behavior),
        "created": format_instant(details.manifest.created),
        "author": details.release.author,
        "message": details.release.message,
        "tags": list(details.release.tags),
        "signed_by": list(details.signed_by),
        "parents": [str(parent) for parent in details.manifest.parents],
        "changed": list(details.changed),
        "live_in": list(details.live_in),
        "bad": details.bad is not None,
        "suspect_in": list(details.suspect_in),
        "canary_in": list(details.canary_in),
        "held": details.held is not None,
        "deployments": [
            {
                "environment": one.environment,
                "revision": one.revision,
                "kind": one.kind.value,
                "recorded_at": format_instant(one.recorded_at),
                "overridden": (one.environment, one.revision) in overridden,
            }
            for one in details.deployments
        ],
    }


def _overridden(registry: OpenRegistry, details: ReleaseDetails) -> dict[tuple[str, int], str]:
    """Return the deployments of a release that were made in spite of gates, with what refused it."""
    found: dict[tuple[str, int], str] = {}
    for environment in {one.environment for one in details.deployments}:
        judged = registry.policies.judgements(f"{details.release.pipeline}/{environment}")
        found |= {(environment, revision): names_of(one.refusing) for revision, one in judged.items() if one.overridden}
    return found


def _print_head(session: Session, details: ReleaseDetails, overridden: Mapping[tuple[str, int], str]) -> None:
    release, output = details.release, session.output
    output.data(f"{release.pipeline} {release.label}  {release.release}")
    output.data(f"by        {release.author or '(erased)'}, {time_text(release.recorded_at)}")
    if release.message:
        output.data(f"message   {release.message}")
    if release.tags:
        output.data(f"tags      {', '.join(release.tags)}")
    after = f"follows {details.parent.label}; " if details.parent else "the first release; "
    output.data(f"changed   {after}{', '.join(details.changed) or 'provenance only'}")
    output.data(f"behavior  {release.behavior.short}   state {release.state.short}")
    for key in details.signed_by:
        output.data(f"signed    {key}")
    if details.live_in:
        output.data(f"live in   {', '.join(details.live_in)}")
    if details.canary_in:
        output.data(f"canary in {', '.join(details.canary_in)}")
    if details.held is not None:
        why = f": {details.held.reason}" if details.held.reason else ""
        output.data(f"held      by {details.held.actor or '(erased)'}, {time_text(details.held.recorded_at)}{why}")
    _print_where_it_ran(session, details, overridden)


def _print_where_it_ran(session: Session, details: ReleaseDetails, overridden: Mapping[tuple[str, int], str]) -> None:
    output = session.output
    for one in details.deployments:
        output.data(f"ran       {one.environment} #{one.revision}, {one.kind.value}, {time_text(one.recorded_at)}")
        if (refusing := overridden.get((one.environment, one.revision))) is not None:
            output.warn(f"{one.environment} #{one.revision} was deployed in spite of {refusing}")
    if details.bad is not None:
        why = details.bad.reason or "(erased)"
        output.warn(f"its behavior is marked bad by {details.bad.actor or '(erased)'}: {why}")
    if details.suspect_in:
        output.warn(f"a rollback left it suspect in {', '.join(details.suspect_in)}")


def _print_component(
    session: Session, component: Component, files: list[FileEntry], problems: Mapping[str, str], *, everything: bool
) -> None:
    output = session.output
    total = sum(entry.size for entry in files)
    held = f"{count(len(files), 'file')}, {size(total)}" if component.content.listing is not None else "no files"
    output.data(f"\n{component.name} ({component.kind.value}) {component.digest.short}  {held}")
    for name, value in component.document.items():
        if name not in {"kind", "listing"} and value is not None:
            output.data(f"  {name} = {value}")
    for line in _lineage(component):
        output.data(f"  {line}")
    shown = files if everything else files[:MOST_FILES]
    for entry in shown:
        mark = "*" if entry.mode.value == "exec" else " "
        output.data(f"  {entry.digest.short} {mark} {size(entry.size):>9}  {entry.path}")
    for entry in files:
        if entry.path in problems:
            output.data(f"  kept as plain bytes: {entry.path}, {problems[entry.path]}")
    if len(shown) < len(files):
        output.data(f"  … and {len(files) - len(shown):,} more; --all lists them")


def _lineage(component: Component) -> list[str]:
    provenance = component.provenance
    lines = []
    if provenance.made_by is not None:
        inputs = ", ".join(f"{name} {digest[:12] if digest else '?'}" for name, digest in provenance.made_by.inputs.items())
        trust = " (asserted)" if provenance.made_by.asserted else ""
        lines.append(f"made by: {provenance.made_by.run or '?'}{f' from {inputs}' if inputs else ''}{trust}")
    if provenance.derived_from:
        lines.append(f"derived from: {', '.join(provenance.derived_from)}")
    if provenance.licence:
        lines.append(f"licence: {provenance.licence}")
    return lines


def _component_json(component: Component, files: list[FileEntry], problems: Mapping[str, str]) -> dict[str, object]:
    return {
        "name": component.name,
        "kind": component.kind.value,
        "digest": str(component.digest),
        "content": dict(component.document),
        "provenance": component.provenance.to_json(),
        "files": [
            {"path": one.path, "mode": one.mode.value, "sha256": str(one.digest), "size": one.size}
            | ({"layout_problem": problems[one.path]} if one.path in problems else {})
            for one in files
        ],
    }
