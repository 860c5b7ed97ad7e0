"""Drift: is what runs what should run? An environment's release against a folder, or against what a service says of itself.

Rules: what runs is compared as two releases are, with the same comparers. While a canary runs, either release is as it
should be, and it is said which one runs; where it is neither, it is compared with the one that it is nearest to. A hosted
model is compared by what was observed of it, if it was: a declared fingerprint that the provider no longer answers with is
drift, and one that was never declared is not.

    found = drift_of(registry, registry.environments.get("prod"), look_at_folder(folder, registry.files))
    found.drifted, found.release.label, found.comparison.changed
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from lastgood.compare.change import Note
from lastgood.compare.comparer import Comparer
from lastgood.compare.components import comparer_of
from lastgood.errors import Invalid, InvalidManifest, NotFound
from lastgood.ids import ComponentName, FileDigest
from lastgood.model.component import Component, HostedContent, Kind
from lastgood.model.history import ReleaseRecord
from lastgood.model.listing import FileEntry, read_listing
from lastgood.model.placement import FileAccess
from lastgood.model.release import Manifest
from lastgood.model.running import Observed, RunningDocument
from lastgood.registry.compare import Comparison, Part, Side, compare_sides, side_of
from lastgood.registry.folder_side import others_in, side_of_folder, side_of_running
from lastgood.registry.history import EnvironmentDetails
from lastgood.registry.points import LARGEST_LISTING
from lastgood.registry.protocols import Files, Releases
from lastgood.workspace.running import RunningFolder


@dataclass(frozen=True, slots=True)
class Looked:
    """What runs, as it was found against one release.

    Attributes:
        expected: the release, without what cannot be expected there.
        side: what runs.
        files: has the bytes of both.
        absent: components that do not act in production and were not brought along.
        notes: what could not be compared.
        others: files that belong to no component, where somebody asked for them.
    """

    expected: Side
    side: Side
    files: FileAccess
    absent: tuple[ComponentName, ...] = ()
    notes: tuple[Note, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def distance(self) -> int:
        """In how many components it differs."""
        names = self.expected.keys() | self.side.keys()
        return sum(_digest(self.expected.get(name)) != _digest(self.side.get(name)) for name in names)


Look = Callable[[Manifest], Looked]
"""Looks at what runs, against a release."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What runs, against what should run.

    Attributes:
        environment: with the release that should run, and the canary beside it.
        release: the one that runs, or the nearest to it.
        is_canary: whether that is the canary.
        comparison: what differs.
        looked: what was found beside that.
    """

    environment: EnvironmentDetails
    release: ReleaseRecord
    is_canary: bool
    comparison: Comparison
    looked: Looked = field(repr=False)

    @property
    def drifted(self) -> bool:
        """Whether what runs is not what should run."""
        return bool(self.comparison.changed or self.looked.others)


def drift_of(releases: Releases, environment: EnvironmentDetails, look: Look, comparer: Callable[[Kind], Comparer] = comparer_of) -> Drift:
    """Compare what runs with what an environment is on; raises as looking at it does."""
    canary = None if environment.canary is None else environment.canary.release
    candidates = [environment.release] if canary is None else [environment.release, canary]
    found = [(record, look(releases.manifest(record.release))) for record in candidates]
    release, looked = min(found, key=lambda one: one[1].distance)
    comparison = compare_sides(looked.expected, looked.side, looked.files, comparer)
    return Drift(environment, release, release is canary, comparison, looked)


def look_at_folder(folder: RunningFolder, files: Files, *, strict: bool = False) -> Look:
    """Return what looks at a folder; each file is read once, however many releases it is held against.

    Args:
        folder: where the files are, at their workspace paths.
        files: has the bytes of the releases.
        strict: whether files that belong to no component are drift, too.
    """

    def look(manifest: Manifest) -> Looked:
        there = side_of_folder(manifest, folder, files)
        running = there.running
        others = tuple(others_in(manifest, folder, files)) if strict else ()
        return Looked(there.expected, there.side, there.files, running.absent, running.notes, others)

    return look


def look_at_document(
    document: RunningDocument,
    releases: Releases,
    files: Files,
    remote: Callable[[Mapping[FileDigest, str]], FileAccess] | None,
    *,
    strict: bool = False,
) -> Look:
    """Return what looks at what a service says that it runs.

    Args:
        document: what it says.
        releases: of the registry.
        files: has the bytes of the releases.
        remote: given digests and their paths, has the files that only the service has; None where they cannot be had.
        strict: whether files that belong to no component are drift, too.
    """

    def look(manifest: Manifest) -> Looked:
        if document.files is not None:
            said = _Said(document.files)
            running = side_of_running(manifest, said, files)
            access = files if remote is None else remote(running.changed)
            others = tuple(others_in(manifest, said, files)) if strict else ()
            looked = Looked(running.expected, running.side, access, running.absent, running.notes, others)
        elif document.components:
            looked = _look_at_components(manifest, document.components, files)
        else:
            looked = _look_at_release(manifest, document, releases, files)
        return replace(looked, side={name: _observe(part, document.observed.get(name)) for name, part in looked.side.items()})

    return look


class _Said:
    """Files as a document names them."""

    def __init__(self, files: Mapping[str, FileEntry]) -> None:
        self._files = files

    @property
    def odd(self) -> Mapping[str, str]:
        """Nothing: a document names files only."""
        return {}

    def entry(self, path: str) -> FileEntry | None:
        """Return a file as it is said to be."""
        return self._files.get(path)

    def below(self, path: str) -> Iterable[str]:
        """Return the paths below a folder."""
        return [one for one in self._files if not path or one == path or one.startswith(f"{path}/")]


def _look_at_components(manifest: Manifest, said: Mapping[ComponentName, Component], files: Files) -> Looked:
    """Hold contents against those of a release; of files that nobody here keeps only the digest is told."""
    absent = tuple(name for name, one in manifest.components.items() if name not in said and not one.kind.acts)
    expected = {name: one for name, one in manifest.components.items() if name not in absent}
    # A model of a provider is nowhere that a service could look at; what it answers is what is observed.
    as_declared = {name: one for name, one in expected.items() if one.kind is Kind.HOSTED and name not in said}
    unknown = {name for name, one in said.items() if one != expected.get(name) and not _is_known(one, files)}

    def sides(components: Mapping[ComponentName, Component]) -> Side:
        return {name: Part(one.component, bytes) if name in unknown else one for name, one in side_of(components, files).items()}

    notes = tuple(Note("", f"the files of {name} are not known here: compared by its digest only") for name in sorted(unknown))
    return Looked(sides(expected), sides({**as_declared, **said}), files, absent, notes)


def _is_known(component: Component, files: Files) -> bool:
    """Whether the listing that a document names is kept here.

    Raises:
        InvalidManifest: what it names is no listing.
    """
    listing = component.content.listing
    if listing is None:
        return True
    try:
        read_listing(files.read_file(listing, limit=LARGEST_LISTING))
    except NotFound:
        return False
    except Invalid as error:
        raise InvalidManifest(f"the document names a listing of {component.name} that is none: {error.message}") from error
    return True


def _look_at_release(manifest: Manifest, document: RunningDocument, releases: Releases, files: Files) -> Looked:
    release = document.release
    record = None if release is None else releases.get(release)
    if release is None or record is None:
        raise NotFound(f"the service says that it runs {release}, which is no release of this registry; nothing was compared")
    said = releases.manifest(release)
    note = Note("", f"the service says that it runs {record.label}, and nothing of its files")
    return Looked(side_of(manifest.components, files), side_of(said.components, files), files, notes=(note,))


def _observe(part: Part, seen: Observed | None) -> Part:
    """Return a hosted model as it was seen to answer; where nothing is declared of it nothing can differ."""
    content = part.component.content
    if seen is None or not isinstance(content, HostedContent):
        return part
    fingerprint = seen.fingerprint if content.fingerprint is not None and seen.fingerprint is not None else content.fingerprint
    observed = replace(content, fingerprint=fingerprint, model=seen.model or content.model)
    if observed == content:
        return part
    component = part.component
    return Part(Component(component.name, observed, component.provenance, {**component.document, **observed.to_json()}), part.listing)


def _digest(part: Part | None) -> object:
    return None if part is None else part.component.digest
