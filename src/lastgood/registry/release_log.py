"""The log of releases: newest first, all of them or only those that changed something, were made then, or by somebody.

log_releases(context, pipeline, Only(path="prompts/system.md", since="3w", author="ana"))

Rules: a release changed what is not as in its first parent; a file is followed through renames (`renames`), a folder is not;
`since` and `until` go by when a release was recorded here; an author whose name was erased is nobody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lastgood.catalog import releases
from lastgood.errors import NotFound
from lastgood.ids import ComponentName, EnvironmentName, PipelineName, ReleaseId
from lastgood.model.history import ReleaseRecord
from lastgood.model.outline import Outline
from lastgood.model.revision import parse_moment
from lastgood.registry.ancestry import Ancestry
from lastgood.registry.context import Context
from lastgood.registry.history import live_releases


@dataclass(frozen=True, slots=True)
class Only:
    """Which releases are meant; what is None does not matter.

    Attributes:
        component: those that changed it.
        path: those that changed this file, wherever it was then, or something in this folder.
        since: recorded then or later: a time, or how long ago, as in `prod@3w`.
        until: recorded then or earlier.
        author: whose name has this in it, in whatever case.
    """

    component: str | None = None
    path: str | None = None
    since: str | None = None
    until: str | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class LoggedRelease:
    """A release in a log.

    Attributes:
        release: the release.
        changed: the components in which it differs from its first parent.
        live_in: where it is live now.
        parents: the releases it follows, whether they are here or not.
        follows: of the releases in this log, the nearest that it follows.
    """

    release: ReleaseRecord
    changed: tuple[ComponentName, ...]
    live_in: tuple[EnvironmentName, ...]
    parents: tuple[ReleaseId, ...]
    follows: tuple[ReleaseId, ...]


def log_releases(
    context: Context, pipeline: PipelineName, only: Only, *, until: ReleaseRecord | None = None, most: int | None = None
) -> list[LoggedRelease]:
    """Return releases, newest first.

    Raises:
        NotFound: none of them has that component, or that path.
        InvalidRevision: a time is none.
    """
    wanted = _Wanted(context, only)
    with context.database.reading() as session:
        live = live_releases(session, pipeline)
        limit = most if only == Only() else None
        found = releases.list_releases(session, pipeline, until=None if until is None else until.number, most=limit)
    ancestry = Ancestry(context.database, pipeline)
    seen = _Seen(context, ancestry, only)
    shown: list[tuple[ReleaseRecord, Outline]] = []
    for record in found:
        if most is not None and len(shown) == most:
            break
        outline = ancestry.require(record.release)
        if seen.is_changed_by(outline) and wanted.has(record):
            shown.append((record, outline))
    if not shown:
        seen.require_any(pipeline)
    follows = _nearest([outline for _, outline in shown], ancestry)
    return [
        LoggedRelease(record, ancestry.changed(outline), live.get(record.release, ()), outline.parents, follows[record.release])
        for record, outline in shown
    ]


class _Wanted:
    """Knows a release by its record."""

    def __init__(self, context: Context, only: Only) -> None:
        now = context.clock.now()
        self._since, self._until = (None if text is None else parse_moment(text, context.zone, now) for text in (only.since, only.until))
        self._author = None if only.author is None else only.author.casefold()

    def has(self, record: ReleaseRecord) -> bool:
        if self._author is not None and self._author not in (record.author or "").casefold():
            return False
        if self._since is not None and record.recorded_at < self._since:
            return False
        return self._until is None or record.recorded_at <= self._until


class _Seen:
    """Looks at every release from the newest down, since what a file was called before is known only from what came after."""

    def __init__(self, context: Context, ancestry: Ancestry, only: Only) -> None:
        self._ancestry = ancestry
        self._component = None if only.component is None else ComponentName.parse(only.component)
        self._has_component = False
        self._path = None
        if only.path is not None:
            from lastgood.registry.path_log import WatchedPath  # noqa: PLC0415 - reads files, which a log otherwise need not

            self._path = WatchedPath(context, ancestry, only.path)

    def is_changed_by(self, outline: Outline) -> bool:
        """Say whether a release changed what is asked about."""
        if self._component is not None:
            self._has_component = self._has_component or self._component in outline.contents
            is_changed = self._component in self._ancestry.changed(outline)
        else:
            is_changed = True
        # Asked in any case, for the renames.
        return (self._path is None or self._path.is_changed_by(outline)) and is_changed

    def require_any(self, pipeline: PipelineName) -> None:
        """Refuse what no release has: a slip of the keys, most often."""
        if self._component is not None and not self._has_component:
            raise NotFound(f"no release of {pipeline} has a component {self._component}", hint="lastgood show latest")
        if self._path is not None and not self._path.was_there:
            raise NotFound(f"no release of {pipeline} has a file or folder {self._path.asked[:80]}", hint="lastgood show latest --all")


def _nearest(shown: Sequence[Outline], ancestry: Ancestry) -> dict[ReleaseId, tuple[ReleaseId, ...]]:
    """Return of each release those of the others that it follows, without those between them that are not shown."""
    known = {one.release for one in shown}
    oldest = min((one.number for one in shown), default=0)
    return {one.release: _nearest_of(one, known, oldest, ancestry) for one in shown}


def _nearest_of(outline: Outline, known: set[ReleaseId], oldest: int, ancestry: Ancestry) -> tuple[ReleaseId, ...]:
    found: dict[ReleaseId, None] = {}
    looked: set[ReleaseId] = set()
    waiting = list(outline.parents[::-1])
    while waiting:
        release = waiting.pop()
        if release in known:
            found[release] = None
        elif release not in looked and (there := ancestry.get(release)) is not None and there.number >= oldest:
            waiting += there.parents[::-1]
        looked.add(release)
    return tuple(found)
