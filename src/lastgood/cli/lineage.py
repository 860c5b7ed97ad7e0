"""`lastgood lineage`: what a release was made from, and what became of its data."""

from __future__ import annotations

import click

from lastgood.api import OpenRegistry
from lastgood.cli.lineage_drawing import print_files, print_row, print_trees
from lastgood.cli.session import Session, in_session
from lastgood.errors import Invalid, NotFound
from lastgood.model.lineage.dot import dot
from lastgood.model.lineage.walk import Direction
from lastgood.registry.lineage import ComponentLineage, FileLineage
from lastgood.registry.lineage_rows import RowLineage

_SHA256_DIGITS = 64


@click.command("lineage")
@click.argument("what", metavar="[REV|FILE|ROW|URI]", required=False)
@click.option("--component", metavar="C", help="Only this component of REV.")
@click.option("--downstream", is_flag=True, help="What was made from it, in any release, instead of what it was made from.")
@click.option("--row", metavar="DATASET:KEY", help="The releases whose data held a row, and what was made from it.")
@click.option("--file", "file", metavar="PATH|SHA256", help="The releases and components that have a file.")
@click.option("--pipeline", metavar="P", help="Which pipeline, where there are several.")
@click.option("--dot", "as_dot", is_flag=True, help="Print a graph for Graphviz: … --dot | dot -Tsvg.")
@click.option("--all", "everything", is_flag=True, help="Do not cut long lists.")
@in_session
def command(
    session: Session,
    what: str | None,
    component: str | None,
    downstream: bool,
    row: str | None,
    file: str | None,
    pipeline: str | None,
    as_dot: bool,
    everything: bool,
) -> None:
    """Say what a release was made from: by which command, from which contents, as of which release.

    REV is a release, and by default the latest. FILE is a path in the workspace or the SHA-256 of a file: which components
    of which releases have it. ROW is a row of a dataset by its key, written train:42: which releases' data held it, how it
    read in them, and what was made from it. URI is a source outside, such as s3://lake/tickets@v7: what was made from it.
    """
    if sum(one is not None for one in (what, row, file)) > 1:
        raise Invalid("one thing at a time: REV, FILE or ROW, or one of --row and --file")
    if as_dot and session.output.json:
        raise Invalid("--dot and --json are two answers; ask for one of them")
    with session.registry() as registry:
        found = _find(registry, what, row, file, _Wish(component, pipeline, downstream=downstream))
    if as_dot:
        _draw(session, found)
    elif isinstance(found, ComponentLineage):
        direction = Direction.DOWNSTREAM if downstream or found.release is None else Direction.UPSTREAM
        print_trees(session.output, found, direction)
    elif isinstance(found, FileLineage):
        print_files(session.output, found, everything=everything)
    else:
        print_row(session.output, found, everything=everything)


class _Wish:
    """What was asked of a release: one component, which way, in which pipeline."""

    def __init__(self, component: str | None, pipeline: str | None, *, downstream: bool) -> None:
        self.component = component
        self.pipeline = pipeline
        self.downstream = downstream

    def release(self, registry: OpenRegistry, revision: str) -> ComponentLineage:
        within = f"{self.pipeline}/{revision}" if self.pipeline is not None and "/" not in revision else revision
        if self.downstream:
            return registry.lineage.downstream(within, self.component)
        return registry.lineage.upstream(within, self.component)


Found = ComponentLineage | FileLineage | RowLineage


def _find(registry: OpenRegistry, what: str | None, row: str | None, file: str | None, wish: _Wish) -> Found:
    if row is not None:
        dataset, colon, key = row.partition(":")
        if not colon or not dataset or not key:
            raise Invalid(f"--row {row[:80]!r} is no row; write the dataset and the row's key, such as train:42")
        return registry.lineage.row(dataset, key, wish.pipeline)
    if file is not None:
        return registry.lineage.file(file, wish.pipeline)
    if what is None:
        return wish.release(registry, "latest")
    if "://" in what:
        return registry.lineage.source(what, wish.pipeline)
    dataset, colon, key = what.partition(":")
    if colon and key and "@" not in dataset and "/" not in dataset:
        return registry.lineage.row(dataset, key, wish.pipeline)
    return _release_or_file(registry, what, wish)


def _release_or_file(registry: OpenRegistry, what: str, wish: _Wish) -> Found:
    """Take a word for a release, or else for a file; where it is neither, say what it looks like."""
    try:
        return wish.release(registry, what)
    except (NotFound, Invalid) as error:
        if wish.component is not None:
            raise
        try:
            return registry.lineage.file(what, wish.pipeline)
        except NotFound as neither:
            if isinstance(error, NotFound) and "/" not in what and len(what) != _SHA256_DIGITS:
                raise error from None
            raise neither from error


def _draw(session: Session, found: Found) -> None:
    if isinstance(found, FileLineage):
        raise Invalid("where a file is, is no graph; ask for --json")
    for line in dot(found.graph):
        session.output.data(line)
