"""What must be true of a project whatever was done to it: nothing acknowledged is lost, and nothing wrong is served."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import lastgood
from lastgood.api import OpenRegistry
from lastgood.errors import LastgoodError
from tools.torture.project import ACTOR, Project, tree_of

State = tuple[tuple[str, ...], int, str]
"""The releases, oldest first; how often prod was moved; the release that it is on."""


def state(project: Project) -> tuple[tuple[str, ...], int, str]:
    """Return the releases, oldest first, and how often prod was moved and to where."""
    with lastgood.open(project.folder, actor=ACTOR) as registry:
        releases = tuple(str(one.release.release) for one in reversed(registry.releases.log()))
        prod = registry.environments.get("prod")
        return releases, prod.revision, str(prod.release.release)


def wrongs(project: Project, *, only: tuple[str, ...] | None = None) -> Iterator[str]:
    """Say what is not as it should be.

    Args:
        project: the project.
        only: the releases that are checked out, beside `verify`, which reads them all; by default all.
    """
    try:
        with lastgood.open(project.folder, actor=ACTOR) as registry:
            log = {str(one.release.release): one.release.label for one in registry.releases.log()}
            # Of releases whose bytes the collector was told to take, only what others need must be there.
            dropped = {log[release] for release in project.dropped if release in log}
            for problem in registry.verify().problems:
                if not problem.releases or set(problem.releases) - dropped:
                    yield f"verify: {problem.what} {problem.releases}"
            yield from (f"the acknowledged release {one[:12]} is lost" for one in project.releases.keys() - log.keys())
            for release in project.releases if only is None else only:
                if release not in project.dropped:
                    yield from _wrong_files(project, registry, release)
    except LastgoodError as error:
        yield f"{error.kind}: {error}"


def _wrong_files(project: Project, registry: OpenRegistry, release: str) -> Iterator[str]:
    out = project.beside / "checked-out"
    shutil.rmtree(out, ignore_errors=True)
    registry.checkout(release, out)
    if tree_of(out) != project.releases[release]:
        yield f"the release {release[:12]} does not check out bit for bit"


def live_wrongs(project: Project) -> Iterator[str]:
    """Say what is wrong with the live folder, which follows prod after any command on environments."""
    current = project.folder / "run/prod/current"
    target = current.readlink().name
    if target != state(project)[2]:
        yield f"current is {target[:12]}, prod is on {state(project)[2][:12]}"
        return
    expected = project.releases[target]
    if {path: digest for path, digest in tree_of(current.resolve()).items() if path in expected} != expected:
        yield f"the live release {target[:12]} is not what was committed"


def garbage(project: Project) -> Iterator[str]:
    """Say what lies in the store that nobody needs: packs that the index does not know, and files half written."""
    store = project.folder / ".lastgood/store"
    yield from (f"{path.name} is left in incoming" for path in (store / "incoming").glob("*"))
    with lastgood.open(project.folder, actor=ACTOR) as registry:
        yield from (f"verify notes: {note}" for note in registry.verify().notes if "that no release needs" in note)
