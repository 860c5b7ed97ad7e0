"""What releases have lost: the files that they point at and that no pack has any more.

for hurt in hurt_releases(context):
    print(hurt.release.label, hurt.files)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lastgood.catalog import evaluations, releases
from lastgood.catalog.purges import purged_files
from lastgood.catalog.removals import removals_of
from lastgood.errors import Integrity, LastgoodError, NewerSchema
from lastgood.ids import FileDigest, ReleaseId
from lastgood.model.component import Component
from lastgood.model.parts import RemovedPart
from lastgood.model.release import Manifest
from lastgood.registry.checkout import WORKSPACE_FILE
from lastgood.registry.context import Context
from lastgood.registry.points import component_points_at
from lastgood.store.reader import ObjectReader


@dataclass(frozen=True, slots=True)
class Hurt:
    """A release that is not whole.

    Attributes:
        release: its digest.
        label: how people call it.
        files: the paths that are lost; where a listing is, nobody knows which.
    """

    release: ReleaseId
    label: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Gone:
    """What a release may lack: parts that a policy let go, and files that were purged."""

    parts: frozenset[RemovedPart]
    files: frozenset[FileDigest]


def hurt_releases(context: Context) -> Iterator[Hurt]:
    """Yield the releases that have lost something, the oldest first; what the index knows is taken to be right.

    Raises:
        NewerSchema: a newer version of lastgood wrote a manifest.
    """
    with context.database.reading() as session:
        wanted = releases.every_release(session)
        results = evaluations.result_files(session)
        purged = purged_files(session)
    for release in wanted:
        with context.database.reading() as session:
            record = releases.release_by_id(session, release)
            try:
                manifest = releases.release_manifest(session, release)
            except NewerSchema:
                raise
            except LastgoodError:
                lost = ["its manifest"]
            else:
                removed = frozenset((one.component, one.part) for one in removals_of(session, release))
                lost = list(dict.fromkeys(_lost_files(context, manifest, _Gone(removed, purged))))
                lost += _missing(
                    context, {digest: ["the results of an evaluation"] for digest in results.get(release, ()) if digest not in purged}
                )
        if lost:
            yield Hurt(release, release.short if record is None else record.label, tuple(lost))


def _lost_files(context: Context, manifest: Manifest, gone: _Gone) -> Iterator[str]:
    yield from _missing(context, {manifest.workspace_file: [WORKSPACE_FILE]})
    reader = ObjectReader(context.backend, context.index)
    for component in manifest.components.values():
        try:
            named = _named(component, reader, gone)
        except Integrity:
            yield f"the listing of {component.name}"
        else:
            yield from _missing(context, named)


def _named(component: Component, reader: ObjectReader, gone: _Gone) -> dict[FileDigest, list[str]]:
    named: dict[FileDigest, list[str]] = {}
    for pointer in component_points_at(component, reader, gone.parts):
        path = f"the listing of {component.name}" if pointer.entry is None else pointer.entry.path
        if pointer.digest not in gone.files:
            named.setdefault(pointer.digest, []).append(path)
    return named


def _missing(context: Context, named: dict[FileDigest, list[str]]) -> Iterator[str]:
    found = context.index.find_files(list(named))
    for digest, paths in named.items():
        if digest not in found:
            yield from paths
