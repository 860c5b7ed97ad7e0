"""How two listings differ: files added, removed, changed, renamed, or with another mode.

Rules: one merge of two sorted listings, so a million files take about a second and memory only for what differs. A file
is renamed where exactly one removed and one added file have its bytes, and it has any; a renamed file's mode is told by
its entries.

    >>> def entry(path, data): return FileEntry(path, Mode.FILE, FileDigest.of(data), len(data))
    >>> changes = compare_files([entry("a", b"1"), entry("b", b"2")], [entry("a", b"3"), entry("c", b"2")])
    >>> [(change.change.value, change.path) for change in changes]
    [('changed', 'a'), ('renamed', 'c')]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from heapq import nsmallest

from lastgood.compare.change import Edit, FileChange
from lastgood.compare.wording import count, printable, shorten, size
from lastgood.ids import FileDigest
from lastgood.model.listing import FileEntry, Mode

_MOST_NAMED = 3
_PATH_WIDTH = 80


def compare_files(old: Sequence[FileEntry], new: Sequence[FileEntry]) -> tuple[FileChange, ...]:
    """Compare two listings, each sorted by path as `read_listing` returns it; the result is sorted by path."""
    return tuple(_with_renames(list(_merge(old, new))))


def _merge(old: Sequence[FileEntry], new: Sequence[FileEntry]) -> Iterator[FileChange]:
    # Paths compare as texts here and as UTF-8 in a listing: both orders are that of the code points.
    old_entries, new_entries = iter(old), iter(new)
    left, right = next(old_entries, None), next(new_entries, None)
    while left is not None and right is not None:
        if left.path == right.path:
            if left.digest != right.digest:
                yield FileChange(Edit.CHANGED, left, right)
            elif left.mode is not right.mode:
                yield FileChange(Edit.MODE_CHANGED, left, right)
            left, right = next(old_entries, None), next(new_entries, None)
        elif left.path < right.path:
            yield FileChange(Edit.REMOVED, left, None)
            left = next(old_entries, None)
        else:
            yield FileChange(Edit.ADDED, None, right)
            right = next(new_entries, None)
    while left is not None:
        yield FileChange(Edit.REMOVED, left, None)
        left = next(old_entries, None)
    while right is not None:
        yield FileChange(Edit.ADDED, None, right)
        right = next(new_entries, None)


def _with_renames(changes: list[FileChange]) -> Iterator[FileChange]:
    removed = _unique(change.old for change in changes if change.change is Edit.REMOVED)
    added = _unique(change.new for change in changes if change.change is Edit.ADDED)
    for change in changes:
        if change.change is Edit.REMOVED and change.old is not None and _meets(change.old, removed, added):
            continue
        if change.change is Edit.ADDED and change.new is not None and _meets(change.new, added, removed):
            yield FileChange(Edit.RENAMED, removed[change.new.digest], change.new)
        else:
            yield change


def _unique(entries: Iterator[FileEntry | None]) -> dict[FileDigest, FileEntry | None]:
    """Return entries by their bytes, None where several have the same."""
    found: dict[FileDigest, FileEntry | None] = {}
    for entry in entries:
        if entry is not None and entry.size:
            found[entry.digest] = None if entry.digest in found else entry
    return found


def _meets(
    entry: FileEntry,
    here: dict[FileDigest, FileEntry | None],
    there: dict[FileDigest, FileEntry | None],
) -> bool:
    return here.get(entry.digest) is not None and there.get(entry.digest) is not None


def common_folder(*listings: Sequence[FileEntry]) -> str:
    """Return the folder, with its slash, that all files of sorted listings are in; empty where there is none."""
    ends = [path for entries in listings if entries for path in (entries[0].path, entries[-1].path)]
    if not ends:
        return ""
    first, last = min(ends), max(ends)
    shared = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[: first.rfind("/", 0, shared) + 1]


def say_path(path: str, folder: str = "") -> str:
    """Return a path for people: without the folder that goes without saying, printable, its end kept if it is long."""
    path = path.removeprefix(folder)
    return printable(path) if len(path) <= _PATH_WIDTH else "…" + printable(path[-_PATH_WIDTH + 1 :])


def say_file(change: FileChange, folder: str = "") -> str:
    """Say what became of one file: `model.safetensors changed (90.3 MB → 90.4 MB)`."""
    path = say_path(change.path, folder)
    old, new = change.old, change.new
    if old is None or new is None:
        entry = new or old
        return f"{path} {change.change.value} ({size(entry.size) if entry else ''})"
    if change.change is Edit.RENAMED:
        return f"{say_path(old.path, folder)} renamed to {path}{_say_mode(old, new)}"
    if change.change is Edit.MODE_CHANGED:
        return f"{path} {'is now' if new.mode is Mode.EXEC else 'is no longer'} executable"
    sizes = f"{size(new.size)}, as before" if old.size == new.size else f"{size(old.size)} → {size(new.size)}"
    return f"{path} changed ({sizes}){_say_mode(old, new)}"


def _say_mode(old: FileEntry, new: FileEntry) -> str:
    if old.mode is new.mode:
        return ""
    return ", now executable" if new.mode is Mode.EXEC else ", no longer executable"


def say_files(changes: Sequence[FileChange], folder: str = "") -> str:
    """Say on one line what became of files: one in full, several by their number and the first names."""
    if len(changes) == 1:
        return say_file(changes[0], folder)
    numbers = Counter(change.change for change in changes)
    said = [f"{numbers[edit]:,} {edit.value}" for edit in _ORDER if numbers[edit]]
    ordered = nsmallest(_MOST_NAMED, changes, key=lambda change: (_ORDER.index(change.change), change.path))
    names = [shorten(say_path(change.path, folder)) for change in ordered]
    more = [f"{len(changes) - _MOST_NAMED:,} more"] if len(changes) > _MOST_NAMED else []
    return f"{count(len(changes), 'file')}: {', '.join(said)} ({', '.join(names + more)})"


def say_contents(entries: Sequence[FileEntry]) -> str:
    """Say how much a listing holds: `3 files, 12.4 kB`; one file by its name."""
    what = say_path(entries[0].path) if len(entries) == 1 else count(len(entries), "file")
    return f"{what}, {size(sum(entry.size for entry in entries))}"


_ORDER = (Edit.CHANGED, Edit.ADDED, Edit.REMOVED, Edit.RENAMED, Edit.MODE_CHANGED)
