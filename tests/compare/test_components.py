"""The door: one typed change a component, whatever its kind, whatever is missing, ranked."""

from __future__ import annotations

from itertools import permutations

import pytest

from lastgood.canonical import canonical_json
from lastgood.compare.change import Change, ComponentChange, FieldChange, FileChange, Note
from lastgood.compare.comparer import LARGEST_FILE, LARGEST_READ, ComponentSide, Findings
from lastgood.compare.components import compare_component, comparer_of
from lastgood.compare.ranking import COSMETIC, rank_changes
from lastgood.errors import Gone, Integrity
from lastgood.ids import ComponentName, ContentDigest, FileDigest
from lastgood.model.component import Kind
from lastgood.model.listing import FileEntry, Mode
from lastgood.model.placement import FileAccess
from tests.compare.sides import NAME, Kept, compare_files_of, compare_one


def test_the_same_content_is_unchanged_and_nothing_is_read() -> None:
    kept = Kept()
    side = kept.side(Kind.PROMPT, {"a.md": "Be brief."})
    change = compare_component(NAME, side, side, kept)
    assert (change.change, change.summary, change.details) == (Change.UNCHANGED, "unchanged", ())
    assert kept.reads == []


@pytest.mark.parametrize("kind", list(Kind))
def test_only_what_changed_is_read_and_only_where_words_or_keys_matter(kind: Kind) -> None:
    kept = Kept()
    same = {f"same/{number}.md": f"text {number}" for number in range(20)}
    old = kept.side(kind, {**same, "a.md": "Be brief.", "old.md": "gone"})
    new = kept.side(kind, {**same, "a.md": "Be kind.", "new.md": "come"})
    change = compare_component(NAME, old, new, kept)
    assert change.change is Change.CHANGED
    read = {Kind.PROMPT, Kind.CONFIG, Kind.ARTIFACT, Kind.CODE, Kind.RUNTIME, Kind.EVAL}
    expected = {FileDigest.of(b"Be brief."), FileDigest.of(b"Be kind.")} if kind in read else set()
    assert set(kept.reads) == expected
    assert len(kept.reads) == len(expected)


def test_declared_fields_are_told_for_a_hosted_model() -> None:
    kept = Kept()
    old = kept.side(Kind.HOSTED, {}, provider="openai", model="gpt-4.1", fingerprint=None)
    new = kept.side(Kind.HOSTED, {}, provider="openai", model="gpt-4o", fingerprint="fp_44")
    change = compare_component(NAME, old, new, kept)
    assert change.summary == "model gpt-4.1 → gpt-4o; fingerprint set to fp_44"
    assert change.details == (FieldChange("model", "gpt-4.1", "gpt-4o"), FieldChange("fingerprint", None, "fp_44"))
    assert compare_component(NAME, new, old, kept).summary == "model gpt-4o → gpt-4.1; fingerprint removed (was fp_44)"


@pytest.mark.parametrize(
    ("kind", "field", "old", "new", "summary"),
    [
        (Kind.DATASET, "key", "id", "row", "key id → row; f changed (1 byte → 2 bytes)"),
        (Kind.DATASET, "version", "v7", "v8", "version v7 → v8; f changed (1 byte → 2 bytes)"),
        (Kind.EVAL, "run", "python a.py", "python b.py", 'run python a.py → python b.py; f: line 1: "1" → "22"'),
        (Kind.EVAL, "on", "holdout", "fresh", 'on holdout → fresh; f: line 1: "1" → "22"'),
        (Kind.RUNTIME, "python", "3.11", "3.12", 'Python 3.11 → 3.12; f: line 1: "1" → "22"'),
        (Kind.RUNTIME, "platform", "linux", "linux-arm64", 'platform linux → linux-arm64; f: line 1: "1" → "22"'),
        (Kind.RUNTIME, "container", "sha256:aa", "sha256:bb", 'container sha256:aa → sha256:bb; f: line 1: "1" → "22"'),
    ],
)
def test_declared_fields_are_told_for_every_kind_beside_its_files(kind: Kind, field: str, old: str, new: str, summary: str) -> None:
    kept = Kept()
    before, after = kept.side(kind, {"f": "1"}, frozenset(), **{field: old}), kept.side(kind, {"f": "22"}, frozenset(), **{field: new})
    # What a suite's scores mean is said before its fields.
    assert compare_component(NAME, before, after, kept).summary.rpartition("not comparable; ")[2] == summary


def test_a_component_that_came_or_went_is_told_with_all_it_has() -> None:
    kept = Kept()
    side = kept.side(Kind.EVAL, {"evals/a": "1", "evals/b": "22"}, run="python a.py", on=None)
    added = compare_component(NAME, None, side, kept)
    removed = compare_component(NAME, side, None, kept)
    assert (added.change, added.summary) == (Change.ADDED, "added: 2 files, 3 bytes, run python a.py")
    assert (removed.change, removed.summary) == (Change.REMOVED, "removed: 2 files, 3 bytes, run python a.py")
    assert [type(detail) for detail in added.details] == [FieldChange, FileChange, FileChange]
    single = compare_component(NAME, None, kept.side(Kind.PROMPT, {"prompts/a.md": "Be kind."}), kept)
    assert single.summary == "added: prompts/a.md, 8 bytes"


def test_a_component_on_neither_side_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="neither side"):
        compare_component(NAME, None, None, Kept())


def test_another_kind_is_told_first_and_compared_by_files() -> None:
    kept = Kept()
    change = compare_component(NAME, kept.side(Kind.PROMPT, {"a.md": "x"}), kept.side(Kind.CONFIG, {"a.md": "y"}), kept)
    assert change.summary == "kind prompt → config; a.md changed (1 byte, as before)"
    assert change.kind is Kind.CONFIG
    assert kept.reads == []


def test_a_difference_that_nothing_shows_is_still_a_change() -> None:
    old = ComponentSide(Kind.CODE, ContentDigest.of(b"1"))
    new = ComponentSide(Kind.CODE, ContentDigest.of(b"2"))
    change = compare_component(NAME, old, new, Kept())
    assert (change.change, change.details) == (Change.CHANGED, ())
    assert change.summary == "changed, in a way that this version of lastgood cannot tell"


@pytest.mark.parametrize("kind", [Kind.PROMPT, Kind.CONFIG])
@pytest.mark.parametrize("missing", ["old", "new"])
def test_bytes_that_are_gone_fall_back_to_digests_and_say_so(kind: Kind, missing: str) -> None:
    kept = Kept()
    old, new = kept.side(kind, {"a.yaml": "a: 1", "b.yaml": "b: 1"}), kept.side(kind, {"a.yaml": "a: 2", "b.yaml": "b: 2"})
    del kept.bytes[(old if missing == "old" else new).entries[0].digest]
    change = compare_component(NAME, old, new, kept)
    assert f"a.yaml changed (4 bytes, as before), its {missing} bytes are not kept here: compared by its digest only" in change.summary
    assert Note("a.yaml", f"its {missing} bytes are not kept here: compared by its digest only") in change.details
    # The other file is compared all the same.
    assert "b.yaml: " in change.summary


class Broken(Kept):
    """Keeps files of which one cannot be read."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def read_file(self, digest: FileDigest, *, limit: int | None = None) -> bytes:
        raise self.error


def test_bytes_removed_by_policy_are_told_as_such() -> None:
    kept = Broken(Gone("its bytes were removed by policy"))
    change = compare_component(NAME, kept.side(Kind.PROMPT, {"a": "1"}), kept.side(Kind.PROMPT, {"a": "2"}), kept)
    assert "its old bytes were removed by policy" in change.summary


def test_damaged_bytes_are_an_error_and_never_hidden() -> None:
    kept = Broken(Integrity("a chunk is damaged"))
    with pytest.raises(Integrity):
        compare_component(NAME, kept.side(Kind.PROMPT, {"a": "1"}), kept.side(Kind.PROMPT, {"a": "2"}), kept)


def entry(path: str, size: int, text: str) -> FileEntry:
    return FileEntry(path, Mode.FILE, FileDigest.of(text.encode()), size)


def test_a_file_that_is_too_large_is_not_read() -> None:
    old = ComponentSide(Kind.PROMPT, ContentDigest.of(b"1"), (entry("a", LARGEST_FILE + 1, "1"),))
    new = ComponentSide(Kind.PROMPT, ContentDigest.of(b"2"), (entry("a", 5, "2"),))
    kept = Kept()
    change = compare_component(NAME, old, new, kept)
    assert "it has 16.8 MB, more than is compared by its contents: compared by its digest only" in change.summary
    assert kept.reads == []


def test_a_listing_that_lies_about_a_size_is_bounded_by_the_reader() -> None:
    kept = Kept()
    digest = FileDigest.of(big := b"x" * (LARGEST_FILE + 1))
    kept.bytes[digest] = big
    old = ComponentSide(Kind.PROMPT, ContentDigest.of(b"1"), (FileEntry("a", Mode.FILE, digest, 5),))
    change = compare_component(NAME, old, kept.side(Kind.PROMPT, {"a": "2"}), kept)
    assert "its old bytes cannot be read" in change.summary


def test_all_that_is_read_of_a_component_is_bounded() -> None:
    half = LARGEST_READ // 4 + 1
    old = ComponentSide(Kind.CONFIG, ContentDigest.of(b"1"), tuple(entry(f"{n}.md", half, f"{n}") for n in range(4)))
    new = ComponentSide(Kind.CONFIG, ContentDigest.of(b"2"), tuple(entry(f"{n}.md", half, f"{n}x") for n in range(4)))
    kept = Kept()
    kept.bytes = {one.digest: b"x" for side in (old, new) for one in side.entries}
    change = compare_component(NAME, old, new, kept)
    assert len(kept.reads) == 2
    assert [detail.text for detail in change.details if isinstance(detail, Note)] == [
        "more has changed than is compared by its contents: compared by its digest only"
    ] * 3


def test_a_new_way_of_comparing_is_one_class() -> None:
    class CountingRows:
        def compare(self, old: ComponentSide, new: ComponentSide, files: FileAccess) -> Findings:
            rows = [files.read_file(side.entries[0].digest).count(b"\n") for side in (old, new)]
            return Findings([f"{rows[1] - rows[0]:+} rows"], ())

    kept = Kept()
    old, new = kept.side(Kind.DATASET, {"a.jsonl": "1\n"}, key="id"), kept.side(Kind.DATASET, {"a.jsonl": "1\n2\n3\n"}, key="row")
    change = compare_component(NAME, old, new, kept, lambda kind: CountingRows() if kind is Kind.DATASET else comparer_of(kind))
    assert change.summary == "key id → row; +2 rows"


def one_of_each() -> list[ComponentChange]:
    kept = Kept()
    changes = []
    for kind in Kind:
        before, after = kept.side(kind, {"a.yaml": "a: 1"}), kept.side(kind, {"a.yaml": "a: 2"})
        same_words = kept.side(kind, {"a.yaml": "a:  1"})
        for name, new in ((f"{kind}-changed", after), (f"{kind}-cosmetic", same_words), (f"{kind}-same", before)):
            changes.append(compare_component(ComponentName.parse(name), before, new, kept))
        changes.append(compare_component(ComponentName.parse(f"{kind}-added"), None, after, kept))
    return changes


def test_what_is_likeliest_to_move_behavior_comes_first() -> None:
    order = [change.name for change in rank_changes(one_of_each())]
    kinds = ["prompt", "config", "hosted", "artifact", "code", "runtime", "dataset", "eval"]
    real = [
        name
        for kind in kinds
        for name in (f"{kind}-added", f"{kind}-changed", f"{kind}-cosmetic")
        if name not in {"prompt-cosmetic", "config-cosmetic", "artifact-cosmetic"}
    ]
    assert order == [*real, "prompt-cosmetic", "config-cosmetic", "artifact-cosmetic", *(f"{kind}-same" for kind in kinds)]


def test_a_declared_field_is_never_cosmetic() -> None:
    kept = Kept()
    old = kept.side(Kind.EVAL, {"run.sh": "x"}, run="sh run.sh")
    mode = kept.side(Kind.EVAL, {"run.sh": "x"}, frozenset({"run.sh"}), run="sh run.sh")
    both = kept.side(Kind.EVAL, {"run.sh": "x"}, frozenset({"run.sh"}), run="./run.sh")
    ranks = [compare_component(NAME, old, new, kept).rank for new in (mode, both)]
    assert (ranks[0] >= COSMETIC, ranks[1] >= COSMETIC) == (True, False)


def test_the_order_does_not_depend_on_the_order_they_come_in() -> None:
    changes = [change for change in one_of_each() if change.kind in {Kind.PROMPT, Kind.EVAL}][:5]
    assert len({tuple(change.name for change in rank_changes(some)) for some in permutations(changes)}) == 1


def test_every_result_has_the_keys_of_the_command_line() -> None:
    some = [compare_one(Kind.PROMPT, "a.md", "Be {a}.", "Be {b}."), compare_one(Kind.CONFIG, "a.yaml", "a: 1", "a: [")]
    some.append(compare_files_of(Kind.CODE, {"a": "1"}, {"b": "1", "c": "2"}))
    for change in [*one_of_each(), *some]:
        value = change.to_json()
        assert list(value) == ["name", "kind", "change", "summary", "details"]
        canonical_json(value)
        assert isinstance(value["details"], list)
        assert all(isinstance(detail, dict) and "type" in detail for detail in value["details"])
