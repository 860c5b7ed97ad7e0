"""What `COMPONENT[/PATH]` means in a release: all files of a component, those of a folder, or one.

A path is that from the workspace root, or what follows the folder in which all files of the component lie.

    find_target("prompts/system.md", record, outline, listings).entries[0].path      # 'prompts/system.md'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lastgood.compare.files import common_folder
from lastgood.compare.wording import shorten
from lastgood.errors import NotFound
from lastgood.ids import ComponentName
from lastgood.model.history import ReleaseRecord
from lastgood.model.listing import FileEntry
from lastgood.model.outline import Outline
from lastgood.registry.listings import Listings

_MOST_COMPARED = 10_000


@dataclass(frozen=True, slots=True)
class Target:
    """A component and the files of it that are meant.

    Attributes:
        component: its name.
        entries: the files.
        is_whole: whether the component is meant with all that it has.
        is_file: whether one file was named.
    """

    component: ComponentName
    entries: Sequence[FileEntry]
    is_whole: bool
    is_file: bool


def find_target(text: str, record: ReleaseRecord, outline: Outline, listings: Listings) -> Target:
    """Find what is meant in a release.

    Raises:
        NotFound: there is no such component, or it has no such path; the hint says what there is.
    """
    name, _, path = text.partition("/")
    component = ComponentName(name)
    if component not in outline.contents:
        raise _no_component(text, record, outline, listings)
    path = path.strip("/")
    entries = listings.entries(outline.contents[component].listing)
    if not path:
        return Target(component, entries, is_whole=True, is_file=False)
    for wanted in (path, common_folder(entries) + path):
        if found := [one for one in entries if one.path == wanted or one.path.startswith(f"{wanted}/")]:
            return Target(component, found, is_whole=False, is_file=found[0].path == wanted)
    raise _no_path(component, path, record, entries)


def _no_component(text: str, record: ReleaseRecord, outline: Outline, listings: Listings) -> NotFound:
    name = text.partition("/")[0]
    holders = [one for one, content in sorted(outline.contents.items()) if listings.find(content.listing, text) is not None]
    if holders:
        return NotFound(f"{record.label} has no component {shorten(name)}; {shorten(text)} is a file of {holders[0]}",
                        hint=f"lastgood blame {holders[0]}/{text}")  # fmt: skip
    close = _closest(name, list(outline.contents))
    return NotFound(
        f"{record.label} has no component {shorten(name)}; it has {', '.join(sorted(outline.contents)) or 'none'}",
        hint=f"lastgood show {record.label}" if close is None else f"lastgood blame {close}",
    )


def _no_path(component: ComponentName, path: str, record: ReleaseRecord, entries: Sequence[FileEntry]) -> NotFound:
    if not entries:
        return NotFound(f"{component} has no files in {record.label}", hint=f"lastgood blame {component}")
    close = _closest(path, [one.path for one in entries[:_MOST_COMPARED]])
    return NotFound(
        f"{component} has no file {shorten(path)} in {record.label}",
        hint=f"lastgood show {record.label} --all" if close is None else f"lastgood blame {component}/{close}",
    )


def _closest(word: str, known: Sequence[str]) -> str | None:
    """Return the name that somebody most likely meant, if one is like it."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a slip of the keys needs it

    ends = {one.rpartition("/")[2]: one for one in sorted(known, reverse=True)}
    close = get_close_matches(word.rpartition("/")[2], ends, n=1)
    return ends[close[0]] if close else None
