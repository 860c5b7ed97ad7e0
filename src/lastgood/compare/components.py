"""Two sides of a component in, one typed change out.

Rules: nothing is read where the content digests are the same; declared fields are compared for every kind alike; the
files are given to the kind's comparer, which `comparer_of` gives. A component whose kind changed, and whatever
no comparer can tell apart, is still told as changed: the content digest decides, never a comparer.

    >>> from lastgood.ids import ContentDigest
    >>> old = ComponentSide(Kind.HOSTED, ContentDigest.of(b"1"), fields={"provider": "openai", "model": "gpt-4.1"})
    >>> new = ComponentSide(Kind.HOSTED, ContentDigest.of(b"2"), fields={"provider": "openai", "model": "gpt-4o"})
    >>> compare_component(ComponentName.parse("llm"), old, new, files=None).summary
    'model gpt-4.1 → gpt-4o'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lastgood.canonical import Json
from lastgood.compare.change import Change, ComponentChange, Detail, Edit, FieldChange, FileChange
from lastgood.compare.comparer import (
    Comparer,
    ComponentSide,
    compare_fields,
    join_phrases,
    say_field,
    say_field_value,
)
from lastgood.compare.files import say_contents
from lastgood.compare.filesets import FileSetComparer
from lastgood.compare.ranking import DEFAULT_RANKS, Ranks
from lastgood.compare.tokens import TokenCounter
from lastgood.compare.wording import shorten
from lastgood.ids import ComponentName
from lastgood.model.code import CodeHistory
from lastgood.model.component import Kind
from lastgood.model.placement import FileAccess


def comparer_of(kind: Kind, tokens: TokenCounter | None = None) -> Comparer:
    """Return what compares a kind; imported here, since a diff without tensors should not wait for what reads them.

    Args:
        kind: the kind.
        tokens: counts the tokens of prompts, where somebody asks for them.
    """
    match kind:
        case Kind.PROMPT:
            from lastgood.compare.prompts import PromptComparer  # noqa: PLC0415

            return PromptComparer(tokens)
        case Kind.CONFIG:
            from lastgood.compare.configs import ConfigComparer  # noqa: PLC0415

            return ConfigComparer()
        case Kind.ARTIFACT:
            from lastgood.compare.artifacts.comparer import ArtifactComparer  # noqa: PLC0415

            return ArtifactComparer()
        case Kind.HOSTED:
            from lastgood.compare.hosted import HostedComparer  # noqa: PLC0415

            return HostedComparer()
        case Kind.CODE:
            from lastgood.compare.code import CodeComparer  # noqa: PLC0415

            return CodeComparer()
        case Kind.RUNTIME:
            from lastgood.compare.runtimes import RuntimeComparer  # noqa: PLC0415

            return RuntimeComparer()
        case Kind.EVAL:
            from lastgood.compare.suites import SuiteComparer  # noqa: PLC0415

            return SuiteComparer()
        case Kind.DATASET:
            from lastgood.compare.tables import DatasetComparer  # noqa: PLC0415

            return DatasetComparer()


def comparer_with(history: CodeHistory, labels: tuple[str, str], tokens: TokenCounter | None = None) -> Callable[[Kind], Comparer]:
    """Return what gives the comparers where a history of code is at hand and the two releases have names.

    Args:
        history: of the code.
        labels: how people call the two.
        tokens: counts the tokens of prompts, where somebody asks for them.
    """

    def give(kind: Kind) -> Comparer:
        if kind is not Kind.CODE:
            return comparer_of(kind, tokens)
        from lastgood.compare.code import CodeComparer  # noqa: PLC0415

        return CodeComparer(history, labels)

    return give


def quick_comparer_of(kind: Kind) -> Comparer:
    """Return what compares a kind in a moment, reading neither tensors nor tables: for before a rollback."""
    return FileSetComparer() if kind in {Kind.ARTIFACT, Kind.DATASET, Kind.EVAL} else comparer_of(kind)


def compare_component(
    name: ComponentName,
    old: ComponentSide | None,
    new: ComponentSide | None,
    files: FileAccess,
    comparer: Callable[[Kind], Comparer] = comparer_of,
    *,
    ranks: Ranks = DEFAULT_RANKS,
) -> ComponentChange:
    """Compare a component of two releases.

    Args:
        name: its name.
        old: the component in the old release, None where it is not there.
        new: the component in the new release, None where it is not there.
        files: reads the files that changed.
        comparer: gives what compares a kind.
        ranks: says how likely it moves behavior.

    Raises:
        Integrity: the bytes of a changed file are damaged.
        Unavailable: the bytes cannot be reached just now.
    """
    if old is None or new is None:
        return _one_sided(name, old, new, ranks)
    if old.digest == new.digest:
        rank = ranks.of(name, new.kind, Change.UNCHANGED)
        return ComponentChange(name, new.kind, Change.UNCHANGED, "unchanged", (), rank)
    fields = compare_fields(_fields(old, new), _fields(new, old))
    found = (comparer(new.kind) if old.kind is new.kind else FileSetComparer()).compare(old, new, files)
    phrases = [*found.urgent, *(() if found.says_fields else map(say_field, fields)), *found.phrases]
    summary = join_phrases(phrases) or "changed, in a way that this version of lastgood cannot tell"
    cosmetic = found.cosmetic and not fields
    rank = ranks.of(name, new.kind, Change.CHANGED, cosmetic=cosmetic)
    return ComponentChange(name, new.kind, Change.CHANGED, summary, (*fields, *found.details), rank, "" if fields else found.headline)


def _fields(side: ComponentSide, other: ComponentSide) -> Mapping[str, Json]:
    """Return the declared fields of a side, and its kind where the other side has another."""
    return side.fields if side.kind is other.kind else {"kind": side.kind.value, **side.fields}


def _one_sided(name: ComponentName, old: ComponentSide | None, new: ComponentSide | None, ranks: Ranks) -> ComponentChange:
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
    return ComponentChange(name, side.kind, change, summary, details, ranks.of(name, side.kind, change))
