"""Blame: which release brought each line, key, tensor or file of a component, and when that first got where.

Rules: back from a release along its parents, reading only what is not the same as before; a file is followed through renames
(`renames`), and what nobody can read any more is passed by, with a note. A release counts as having reached an environment
with the first deployment of it, or of one that follows it, among those that lead to the release asked about or have the
component as that one has it. What only a canary ran has not reached its environment.

    blame = find_blame(context, files, "prompts/system.md", Asked(environment="prod"))
    [(part.part.to_json()["text"], part.origin.release.label) for part in blame.files[0].parts]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lastgood.catalog import environments, releases
from lastgood.compare.blame import Part, Tracer, Untraceable
from lastgood.compare.blame_files import ListingTracer, WholeTracer, tracers_of
from lastgood.errors import Invalid, NotFound
from lastgood.ids import ComponentName, EnvironmentName, FileDigest, ReleaseId
from lastgood.model.component import Kind
from lastgood.model.history import ReleaseRecord
from lastgood.model.listing import FileEntry
from lastgood.model.outline import Outline, OutlinedContent
from lastgood.model.placement import FileAccess
from lastgood.registry.ancestry import Ancestry
from lastgood.registry.blame_target import Target, find_target
from lastgood.registry.context import Context
from lastgood.registry.listings import Listings
from lastgood.registry.points import LARGEST_LISTING
from lastgood.registry.reaching import Reached, first_reached
from lastgood.registry.renames import FilePlace, Renames
from lastgood.registry.resolve import resolve
from lastgood.registry.walking import Skipped, Stop, follow, walk

MOST_FILES = 50
_TOLD_CLOSELY = frozenset({Kind.PROMPT, Kind.CONFIG, Kind.ARTIFACT})


@dataclass(frozen=True, slots=True)
class Asked:
    """How a blame is asked for.

    Attributes:
        revision: the release; by default what the environment runs, or else the latest.
        environment: the one whose deployments count; by default all.
        row: tell only of the row of a dataset that has this key.
        lines: tell everything by lines, configs as well.
        moves: lines that moved within their file keep their origin.
        everything: look into every file, whatever its kind and however many there are.
    """

    revision: str | None = None
    environment: str | None = None
    row: str | None = None
    lines: bool = False
    moves: bool = False
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """A release that brought something, and when that first got to which environment."""

    release: ReleaseRecord
    reached: Mapping[EnvironmentName, Reached]


@dataclass(frozen=True, slots=True)
class BlamedPart:
    """A part and where it comes from."""

    part: Part
    origin: Origin


@dataclass(frozen=True, slots=True)
class BlamedFile:
    """The parts of a file, or where `path` is None what is declared of the component, or its files as parts."""

    path: str | None
    parts: tuple[BlamedPart, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Blame:
    """What is known of where a component, or a part of it, comes from; environments are those that were looked at."""

    component: ComponentName
    kind: Kind
    release: ReleaseRecord
    environments: tuple[EnvironmentName, ...]
    files: tuple[BlamedFile, ...]
    notes: tuple[str, ...]


def find_blame(context: Context, files: FileAccess, target: str, asked: Asked) -> Blame:
    """Say where a component, or a file or folder of it, comes from.

    Args:
        context: the registry.
        files: its bytes.
        target: `prompts`, `prompts/prompts/system.md`, or `prompts/system.md` where the files lie in `prompts/`.
        asked: the release, and how closely.

    Raises:
        NotFound: there is no such component, path or environment.
        Integrity: the history, or what is kept, is damaged.
    """
    record = resolve(context, asked.revision or asked.environment or "latest").release
    ancestry = Ancestry(context.database, record.pipeline)
    start, listings = ancestry.require(record.release), Listings(files)
    found = find_target(target, record, start, listings)
    looking = _Looking(ancestry, start, found, files, listings, Renames(listings, files), asked)
    told = list(looking.look())
    return _answer(context, record, looking, told)


@dataclass(slots=True)
class _Told:
    """What was found of one file: its parts, each with the release that it comes from."""

    path: str | None
    parts: list[tuple[Part, ReleaseId]]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Component:
    """Where a component is in a release: under which name, with what content."""

    name: ComponentName
    content: OutlinedContent


@dataclass(frozen=True, slots=True)
class _Looking:
    """Looks into what is asked about, and remembers over which releases it came."""

    ancestry: Ancestry
    start: Outline
    target: Target
    files: FileAccess
    listings: Listings
    renames: Renames
    asked: Asked
    seen: set[ReleaseId] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    @property
    def content(self) -> OutlinedContent:
        return self.start.contents[self.target.component]

    def look(self) -> Iterator[_Told]:
        target, kind = self.target, self.content.kind
        stops = walk(self.ancestry, self.start, _Component(target.component, self.content), _component_before)
        self.seen.update(stop.release.release for stop in stops)
        if self.asked.row is not None:
            yield self._row(stops, self.asked.row)
            return
        if target.is_whole and any(value is not None for value in self.content.fields.values()):
            yield _declared(stops)
        closely = kind in _TOLD_CLOSELY or target.is_file or self.asked.everything
        entries = target.entries if self.asked.everything else target.entries[:MOST_FILES]
        if self.content.listing is None:
            return
        if not closely:
            yield self._listed(stops, {one.path for one in target.entries})
            return
        if len(entries) < len(target.entries):
            self.notes.append(f"the first {MOST_FILES} of {len(target.entries):,} files; --all tells of all")
        for entry in entries:
            yield self._file(entry)

    def _listed(self, stops: list[Stop[_Component]], paths: set[str]) -> _Told:
        """Tell of files as they are listed, all at once."""
        tracer, skipped = ListingTracer(self.files, LARGEST_LISTING), list[Skipped]()
        trace = follow(stops, lambda place: place.content.listing, tracer, skipped)
        parts = () if trace is None else tracer.parts(trace)
        told = [(part, stops[origin].release.release) for part, origin in parts if part.path in paths]
        return _Told(None, list(told), _say_skipped(skipped))

    def _row(self, stops: list[Stop[_Component]], row: str) -> _Told:
        from lastgood.registry.blame_rows import RowTracer, key_of_rows  # noqa: PLC0415 - only tables have rows

        component = self.target.component
        if not self.target.is_whole:
            raise Invalid("a row is looked for in all files of its component", hint=f"lastgood blame {component} --row {row}")
        named, skipped = key_of_rows(component, self.content), list[Skipped]()
        tracer = RowTracer(row, named, self.files, self.listings)
        trace = follow(stops, lambda place: place.content.listing, tracer, skipped)
        parts = [] if trace is None else [(part, stops[origin].release.release) for part, origin in tracer.parts(trace)]
        if not parts:
            why = f" ({'; '.join(tracer.notes)})" if tracer.notes else ""
            raise NotFound(f"{component} has no row whose {named} is {row[:80]} in r{self.start.number}{why}", hint="lastgood show latest")
        return _Told(None, list(parts), [*_say_skipped(skipped), *tracer.notes])

    def _file(self, entry: FileEntry) -> _Told:
        place = FilePlace(self.target.component, entry.path, entry)
        stops = walk(self.ancestry, self.start, place, self.renames.before)
        self.seen.update(stop.release.release for stop in stops)
        options = tracers_of(self.content.kind, entry.path, self.files, lines=self.asked.lines, moves=self.asked.moves)
        notes = _say_renames(stops)
        for position, tracer in enumerate(options):
            skipped: list[Skipped] = []
            try:
                # Looked at first: what cannot be read as this need not be tried in every release.
                tracer.trace([], entry.digest, 0)
            except Untraceable as error:
                if position or len(options) == 1 or self.content.kind is not Kind.ARTIFACT:
                    notes.append(f"{error}: {'told by lines' if position + 1 < len(options) else 'told as a whole'}")
                continue
            trace = follow(stops, _digest_of, tracer, skipped)
            if trace is not None:
                return self._told(entry, tracer, trace, stops, [*notes, *_say_skipped(skipped)])
        whole = WholeTracer(entry)
        trace = follow(stops, _digest_of, whole, [])
        return self._told(entry, whole, trace, stops, notes)

    def _told(self, entry: FileEntry, tracer: Tracer[Any], trace: Any, stops: list[Stop[FilePlace]], notes: list[str]) -> _Told:  # noqa: ANN401 - of this tracer
        parts = [(part, stops[origin].release.release) for part, origin in tracer.parts(trace)]
        return _Told(entry.path, parts, [*notes, *tracer.notes])


def _component_before(place: _Component, child: Outline, parent: Outline) -> _Component | None:
    content = parent.contents.get(place.name)
    if content is not None:
        return _Component(place.name, content)
    same = (name for name, one in parent.contents.items() if one == place.content and name not in child.contents)
    return next((_Component(name, place.content) for name in sorted(same)), None)


def _digest_of(place: FilePlace) -> FileDigest | None:
    return None if place.entry is None else place.entry.digest


def _declared(stops: list[Stop[_Component]]) -> _Told:
    """Tell of what is declared beside the files: a provider's model, the key of rows, a Python."""
    from lastgood.compare.blame_keys import TracedTree, trace_tree, traced_keys  # noqa: PLC0415 - most have only files

    traces: list[TracedTree] = []
    for number, stop in enumerate(stops):
        fields = {name: value for name, value in stop.place.content.fields.items() if value is not None}
        traces.append(trace_tree([traces[one] for one in stop.follows], fields, number))
    return _Told(None, [(key, stops[origin].release.release) for key, origin in traced_keys(traces[-1])])


def _say_renames(stops: Sequence[Stop[FilePlace]]) -> list[str]:
    said: list[str] = []
    for stop in reversed(stops):
        for old in (stops[one].place for one in stop.follows):
            if (old.component, old.path) != (stop.place.component, stop.place.path):
                where = "" if old.component == stop.place.component else f" of {old.component}"
                said.append(f"before r{stop.release.number} it was {old.path}{where}")
    return said


def _say_skipped(skipped: Sequence[Skipped]) -> list[str]:
    by_reason: dict[str, list[int]] = {}
    for one in skipped:
        by_reason.setdefault(one.why, []).append(one.release.number)
    return [
        f"{', '.join(f'r{number}' for number in sorted(numbers)[:5])}{' …' if len(numbers) > 5 else ''}: {why};"  # noqa: PLR2004 - enough
        " what changed there stands under the next release that can be read"
        for why, numbers in by_reason.items()
    ]


def _answer(context: Context, record: ReleaseRecord, looking: _Looking, told: list[_Told]) -> Blame:
    asked, ancestry, component = looking.asked, looking.ancestry, looking.target.component
    origins = {release for one in told for _, release in one.parts}
    with context.database.reading() as session:
        records = releases.releases_among(session, sorted(origins))
        names = environments.environment_names(session, record.pipeline)
        if asked.environment is not None:
            names = _only(asked.environment.rpartition("/")[2], names, record)
        moves = {name: environments.deployments(session, record.pipeline, name)[::-1] for name in names}
    deployed = {one.release for found in moves.values() for one in found} - looking.seen
    as_it_is = {one for one in deployed if (found := ancestry.get(one)) and found.contents.get(component) == looking.content}
    reached = {name: first_reached(ancestry, found, looking.seen | as_it_is) for name, found in moves.items()}
    known = {one: Origin(records[one], {name: found[one] for name, found in reached.items() if one in found}) for one in origins}
    files = tuple(
        BlamedFile(one.path, tuple(BlamedPart(part, known[release]) for part, release in one.parts), tuple(one.notes)) for one in told
    )
    return Blame(component, looking.content.kind, record, tuple(names), files, tuple(looking.notes))


def _only(environment: str, names: Sequence[EnvironmentName], record: ReleaseRecord) -> list[EnvironmentName]:
    if environment not in names:
        raise NotFound(f"{record.pipeline} has no environment {environment[:80]}", hint="lastgood env list")
    return [EnvironmentName(environment)]
