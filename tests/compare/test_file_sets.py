"""File sets: what became of each file, and how that is said on one line."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.compare.change import Change, Edit, FileChange
from lastgood.compare.components import compare_component, quick_comparer_of
from lastgood.compare.files import common_folder, compare_files, say_path
from lastgood.compare.ranking import COSMETIC
from lastgood.ids import FileDigest
from lastgood.model.component import Kind
from lastgood.model.listing import FileEntry, Mode
from tests.compare.sides import NAME, Files, Kept

MODEL: Files = {"models/router/config.json": "{}", "models/router/model.safetensors": b"w" * 90_300_000}


@dataclass(frozen=True)
class Case:
    name: str
    old: Files
    new: Files
    summary: str
    changes: tuple[tuple[Edit, str], ...]


CASES = (
    Case(
        "one file changed in size",
        MODEL,
        {**MODEL, "models/router/model.safetensors": b"w" * 90_400_000},
        "model.safetensors changed (90.3 MB → 90.4 MB)",
        ((Edit.CHANGED, "models/router/model.safetensors"),),
    ),
    Case(
        "one file changed in its bytes only",
        MODEL,
        {**MODEL, "models/router/model.safetensors": b"v" * 90_300_000},
        "model.safetensors changed (90.3 MB, as before)",
        ((Edit.CHANGED, "models/router/model.safetensors"),),
    ),
    Case("one file added", {"a": "1"}, {"a": "1", "b": "22"}, "b added (2 bytes)", ((Edit.ADDED, "b"),)),
    Case("one file removed", {"a": "1", "b": "2"}, {"a": "1"}, "b removed (1 byte)", ((Edit.REMOVED, "b"),)),
    Case("one file renamed", {"d/a": "1"}, {"d/e/b": "1"}, "a renamed to e/b", ((Edit.RENAMED, "d/e/b"),)),
    Case(
        "several at once",
        {"a": "1", "b": "2", "c": "3", "d": "4"},
        {"a": "x", "b": "y", "e": "5", "moved": "4"},
        "5 files: 2 changed, 1 added, 1 removed, 1 renamed (a, b, e, 2 more)",
        ((Edit.CHANGED, "a"), (Edit.CHANGED, "b"), (Edit.REMOVED, "c"), (Edit.ADDED, "e"), (Edit.RENAMED, "moved")),
    ),
    Case(
        "two copies removed are no rename",
        {"a": "same", "b": "same"},
        {"c": "same"},
        "3 files: 1 added, 2 removed (c, a, b)",
        ((Edit.REMOVED, "a"), (Edit.REMOVED, "b"), (Edit.ADDED, "c")),
    ),
    Case(
        "two copies added are no rename",
        {"a": "same"},
        {"b": "same", "c": "same"},
        "3 files: 2 added, 1 removed (b, c, a)",
        ((Edit.REMOVED, "a"), (Edit.ADDED, "b"), (Edit.ADDED, "c")),
    ),
    Case(
        "an empty file is no rename",
        {"a": ""},
        {"b": ""},
        "2 files: 1 added, 1 removed (b, a)",
        ((Edit.REMOVED, "a"), (Edit.ADDED, "b")),
    ),
    Case("copied, not renamed", {"a": "same"}, {"a": "same", "b": "same"}, "b added (4 bytes)", ((Edit.ADDED, "b"),)),
    Case("all removed", {"a": "1", "b": "2"}, {}, "2 files: 2 removed (a, b)", ((Edit.REMOVED, "a"), (Edit.REMOVED, "b"))),
    Case(
        "names that a terminal would obey",
        {},
        {"a\u202e\u200bb": "1"},
        "a\\u202e\\u200bb added (1 byte)",
        ((Edit.ADDED, "a\u202e\u200bb"),),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Case) -> None:
    kept = Kept()
    change = compare_component(NAME, kept.side(Kind.ARTIFACT, case.old), kept.side(Kind.ARTIFACT, case.new), kept, quick_comparer_of)
    assert (change.change, change.summary) == (Change.CHANGED, case.summary)
    assert tuple((one.change, one.path) for one in change.details if isinstance(one, FileChange)) == case.changes


@pytest.mark.parametrize(("kind", "cosmetic"), [(Kind.ARTIFACT, True), (Kind.CODE, False), (Kind.PROMPT, True)])
def test_a_mode_alone_matters_where_files_are_run(kind: Kind, cosmetic: bool) -> None:
    kept = Kept()
    plain, executable = kept.side(kind, {"run.sh": "x"}), kept.side(kind, {"run.sh": "x"}, frozenset({"run.sh"}))
    change = compare_component(NAME, plain, executable, kept)
    assert change.summary == "run.sh is now executable"
    assert compare_component(NAME, executable, plain, kept).summary == "run.sh is no longer executable"
    assert (change.rank >= COSMETIC) == cosmetic


def test_a_mode_is_told_with_a_change_and_with_a_rename() -> None:
    kept = Kept()
    old = kept.side(Kind.ARTIFACT, {"a.sh": "x"})
    changed = kept.side(Kind.ARTIFACT, {"a.sh": "y"}, frozenset({"a.sh"}))
    renamed = kept.side(Kind.ARTIFACT, {"b.sh": "x"}, frozenset({"b.sh"}))
    assert compare_component(NAME, old, changed, kept, quick_comparer_of).summary == "a.sh changed (1 byte, as before), now executable"
    assert compare_component(NAME, old, renamed, kept, quick_comparer_of).summary == "a.sh renamed to b.sh, now executable"
    assert compare_component(NAME, renamed, old, kept).summary == "b.sh renamed to a.sh, no longer executable"


PATHS = st.sampled_from(["a", "a-b", "a/b", "a/c", "aa", "b", "é", "z/\U0001f600", "z/\uffff"])
ENTRIES = st.dictionaries(PATHS, st.tuples(st.sampled_from(["", "1", "2", "3"]), st.sampled_from(Mode)))


def listing(files: dict[str, tuple[str, Mode]]) -> list[FileEntry]:
    ordered = sorted(files.items(), key=lambda item: item[0].encode())
    return [FileEntry(path, mode, FileDigest.of(text.encode()), len(text)) for path, (text, mode) in ordered]


@given(ENTRIES, ENTRIES)
def test_changes_applied_to_the_old_listing_give_the_new_one(old: dict[str, tuple[str, Mode]], new: dict[str, tuple[str, Mode]]) -> None:
    entries = {entry.path: entry for entry in listing(old)}
    for change in compare_files(listing(old), listing(new)):
        if change.old is not None:
            assert entries.pop(change.old.path) == change.old
    for change in compare_files(listing(old), listing(new)):
        if change.new is not None:
            entries[change.new.path] = change.new
    assert sorted(entries.values(), key=lambda entry: entry.path) == sorted(listing(new), key=lambda entry: entry.path)


@given(ENTRIES, ENTRIES)
def test_what_is_the_same_is_not_told(old: dict[str, tuple[str, Mode]], new: dict[str, tuple[str, Mode]]) -> None:
    told = {entry for change in compare_files(listing(old), listing(new)) for entry in (change.old, change.new)}
    assert not told & set(listing(old)) & set(listing(new))


@pytest.mark.parametrize(
    ("paths", "folder"),
    [
        (["a/b/c", "a/b/d"], "a/b/"),
        (["a/b", "a/c"], "a/"),
        (["ab/c", "abc/d"], ""),
        (["a/b/c", "a/d"], "a/"),
        (["a/b"], "a/"),
        (["a"], ""),
        ([], ""),
    ],
)
def test_the_folder_that_goes_without_saying(paths: list[str], folder: str) -> None:
    entries = [FileEntry(path, Mode.FILE, FileDigest.of(b""), 0) for path in paths]
    assert common_folder(entries, entries[:1]) == folder
    assert common_folder(entries[:1], entries) == folder


def test_a_long_path_keeps_its_end() -> None:
    said = say_path("a/" * 500 + "model.safetensors")
    assert len(said) == 80
    assert said.startswith("…")
    assert said.endswith("/model.safetensors")
