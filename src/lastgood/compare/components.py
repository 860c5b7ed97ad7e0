"""Two sides of a component in, one typed change out.

Rules: nothing is read where the content digests are the same; declared fields are compared for every kind alike; the
files are given to the kind's comparer, of which `COMPARERS` has one a kind. A component whose kind changed, and whatever
no comparer can tell apart, is still told as changed: the content digest decides, never a comparer.

    >>> from lastgood.errors import NotFound
    >>> from lastgood.ids import ContentDigest, FileDigest
    >>> class NoFiles:
    ...     def read_file(self, digest: FileDigest, *, limit: int | None = None) -> bytes:
    ...         raise NotFound("there are no files")
    >>> old = ComponentSide(Kind.HOSTED, ContentDigest.of(b"1"), fields={"provider": "openai", "model": "gpt-4.1"})
    >>> new = ComponentSide(Kind.HOSTED, ContentDigest.of(b"2"), fields={"provider": "openai", "model": "gpt-4o"})
    >>> compare_component(ComponentName.parse("llm"), old, new, NoFiles()).summary
    'model gpt-4.1 → gpt-4o'
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lastgood.canonical import Json
from lastgood.compare.change import Change, ComponentChange, Detail, Edit, FieldChange, FileChange
from lastgood.compare.comparer import (
    Comparer,
    ComponentSide,
    Findings,
    compare_fields,
    join_phrases,
    say_field,
    say_field_value,
)
from lastgood.compare.configs import ConfigComparer
from lastgood.compare.files import common_folder, compare_files, say_contents, say_files
from lastgood.compare.prompts import PromptComparer
from lastgood.compare.ranking import rank_of
from lastgood.compare.wording import shorten
from lastgood.ids import ComponentName
from lastgood.model.component import Kind
from lastgood.model.placement import FileReader


class FileSetComparer:
    """Compares components by their files: which came, went, changed or moved."""

    def compare(self, old: ComponentSide, new: ComponentSide, files: FileReader) -> Findings:  # noqa: ARG002  # listings suffice
        """Say which files changed."""
        changes = compare_files(old.entries, new.entries)
        modes_only = bool(changes) and all(change.change is Edit.MODE_CHANGED for change in changes)
        phrases = [say_files(changes, common_folder(old.entries, new.entries))] if changes else []
        return Findings(phrases, changes, cosmetic=modes_only and new.kind is not Kind.CODE)


COMPARERS: Mapping[Kind, Comparer] = MappingProxyType(
    {kind: FileSetComparer() for kind in Kind} | {Kind.PROMPT: PromptComparer(), Kind.CONFIG: ConfigComparer()}
)
"""How each kind is compared."""


def compare_component(
    name: ComponentName,
    old: ComponentSide | None,
    new: ComponentSide | None,
    files: FileReader,
    comparers: Mapping[Kind, Comparer] = COMPARERS,
) -> ComponentChange:
    """Compare a component of two releases.

    Args:
        name: its name.
        old: the component in the old release, None where it is not there.
        new: the component in the new release, None where it is not there.
        files: reads the files that changed.
        comparers: how each kind is compared.

    Raises:
        Integrity: the bytes of a changed file are damaged.
        Unavailable: the bytes cannot be reached just now.
    """
    if old is None or new is None:
        return _one_sided(name, old, new)
    if old.digest == new.digest:
        rank = rank_of(new.kind, Change.UNCHANGED)
        return ComponentChange(name, new.kind, Change.UNCHANGED, "unchanged", (), rank)
    fields = compare_fields(_fields(old, new), _fields(new, old))
    comparer = comparers[new.kind] if old.kind is new.kind else FileSetComparer()
    found = comparer.compare(old, new, files)
    phrases = [*(say_field(field) for field in fields), *found.phrases]
    summary = join_phrases(phrases) or "changed, in a way that this version of lastgood cannot tell"
    cosmetic = found.cosmetic and not fields
    rank = rank_of(new.kind, Change.CHANGED, cosmetic=cosmetic)
    return ComponentChange(name, new.kind, Change.CHANGED, summary, (*fields, *found.details), rank)


def _fields(side: ComponentSide, other: ComponentSide) -> Mapping[str, Json]:
    """Return the declared fields of a side, and its kind where the other side has another."""
    return side.fields if side.kind is other.kind else {"kind": side.kind.value, **side.fields}


def _one_sided(name: ComponentName, old: ComponentSide | None, new: ComponentSide | None) -> ComponentChange:
    """Tell of a component that came or went, with everything it has."""
    side = new or old
    if side is None:
        raise ValueError(f"the component {name} is on neither side")
    declared = {key: value for key, value in side.fields.items() if value is not None}
    details: tuple[Detail, ...]
    if new is not None:
        change, edit = Change.ADDED, Edit.ADDED
        details = (
            *(FieldChange(key, None, value) for key, value in declared.items()),
            *(FileChange(edit, None, entry) for entry in side.entries),
        )
    else:
        change, edit = Change.REMOVED, Edit.REMOVED
        details = (
            *(FieldChange(key, value, None) for key, value in declared.items()),
            *(FileChange(edit, entry, None) for entry in side.entries),
        )
    said = [say_contents(side.entries)] if side.entries else []
    said += [f"{shorten(key)} {say_field_value(value)}" for key, value in declared.items()]
    summary = f"{change.value}: {', '.join(said)}" if said else change.value
    return ComponentChange(name, side.kind, change, summary, details, rank_of(side.kind, change))
