"""Leakage between two releases: which data is which, what is said, and what is not read again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from lastgood.compare.change import Finding
from lastgood.compare.showing import Line
from lastgood.errors import Gone, Integrity
from lastgood.ids import ComponentName, FileDigest
from lastgood.model.component import Component, Content, DatasetContent, EvalContent, FilesContent, Kind, MadeBy, Provenance, make_component
from lastgood.model.listing import write_listing
from lastgood.registry.compare import Side, side_of
from lastgood.registry.leakage import leakage_findings
from tests.compare.sides import Kept

TEXTS = [
    "The lamp arrived with a broken shade and I would like another one",
    "How do I change the address that my invoices are sent to",
    "Your driver left the parcel in the rain in front of my door",
    "I never got the voucher that was promised in your newsletter",
    "Can the table be delivered to the third floor without a lift",
    "The app closes by itself whenever I open my list of orders",
    "Please delete my account and everything that you know about me",
    "A screw is missing from the chair that came this morning",
]
HELD_OUT = [
    "Is there a warranty on the battery of the drill you sell",
    "Why was my card charged although the payment was refused",
    "Which of your shops has the blue carpet in the large size",
    "I would like to return shoes that I have worn only once",
]


class Release:
    """A side in the making."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.components: dict[ComponentName, Component] = {}

    def add(self, name: str, kind: Kind, files: Mapping[str, str], **more: object) -> Release:
        """Add a component with files; `made_from`, `on` and `key` say more."""
        entries = self.kept.side(kind, files).entries
        listing = self._keep(write_listing(entries))
        contents: dict[Kind, Content] = {
            Kind.DATASET: DatasetContent(listing, more.get("key", "id")),  # type: ignore[arg-type]
            Kind.EVAL: EvalContent(listing, "sh run.sh", ComponentName(str(more["on"])) if more.get("on") else None),
        }
        content = contents.get(kind) or FilesContent(kind, listing)
        made_from: Sequence[str] | None = more.get("made_from")  # type: ignore[assignment]
        made_by = None if made_from is None else MadeBy("python train.py", dict.fromkeys(made_from))
        component = make_component(ComponentName.parse(name), content, Provenance(made_by))
        self.components[component.name] = component
        return self

    def _keep(self, data: bytes) -> FileDigest:
        digest = FileDigest.of(data)
        self.kept.bytes[digest] = data
        return digest

    def side(self) -> Side:
        """Return it as a side of a comparison."""
        return side_of(self.components, self.kept)


def jsonl(texts: Sequence[str], name: str, column: str = "text") -> str:
    return "".join(json.dumps({"id": f"{name}{n}", column: text, "label": "x"}) + "\n" for n, text in enumerate(texts))


def csv(texts: Sequence[str]) -> str:
    return "id,text\n" + "".join(f'{n},"{text}"\n' for n, text in enumerate(texts))


def release(kept: Kept, train: Sequence[str], held_out: Sequence[str], made_from: Sequence[str] = ("train",)) -> Release:
    """A model, its training data, and a suite with its evaluation data."""
    return (
        Release(kept)
        .add("router", Kind.ARTIFACT, {"w.bin": "w"}, made_from=made_from)
        .add("train", Kind.DATASET, {"train.jsonl": jsonl(train, "t")})
        .add("holdout", Kind.DATASET, {"holdout.jsonl": jsonl(held_out, "h")})
        .add("quality", Kind.EVAL, {"run.sh": ""}, on="holdout")
    )


def findings(old: Release, new: Release) -> list[Finding]:
    return leakage_findings(old.side(), new.side(), new.kept)


def said(old: Release, new: Release) -> list[str]:
    return [finding.summary for finding in findings(old, new)]


def samples_of(finding: Finding) -> list[dict[str, object]]:
    """Return the rows that a finding's first detail tells of."""
    fields: Any = finding.details[0].to_json()
    samples: list[dict[str, object]] = fields["samples"]
    return samples


NEAR = "The lamp arrived with a broken shade, and I would really like another one!"
CASES = [
    ("clean", TEXTS, HELD_OUT, HELD_OUT[:3], []),
    (
        "one row word for word",
        TEXTS,
        HELD_OUT,
        [*HELD_OUT, TEXTS[1].upper()],
        ["1 of 5 rows of holdout (20%) stands in train, word for word; it did not before"],
    ),
    (
        "one row nearly",
        TEXTS,
        HELD_OUT,
        [*HELD_OUT, NEAR],
        ["1 of 5 rows of holdout (20%) stands in train, nearly word for word; it did not before"],
    ),
    (
        "several, some of them nearly",
        TEXTS,
        HELD_OUT,
        [*HELD_OUT, NEAR, *TEXTS[2:4]],
        ["3 of 7 rows of holdout (43%) stand in train, 2 word for word; none did before"],
    ),
    (
        "some of them before",
        TEXTS,
        [*HELD_OUT, TEXTS[2]],
        [*HELD_OUT, NEAR, *TEXTS[2:4]],
        ["3 of 7 rows of holdout (43%) stand in train, 2 word for word; 1 of them did before"],
    ),
    (
        "all of them before",
        TEXTS,
        [*HELD_OUT, TEXTS[2]],
        [TEXTS[2], *HELD_OUT],
        ["1 of 5 rows of holdout (20%) stands in train, word for word; as before"],
    ),
    ("gone", TEXTS, [*HELD_OUT, TEXTS[2]], HELD_OUT, []),
]


@pytest.mark.parametrize(("train", "old", "new", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_said(train: list[str], old: list[str], new: list[str], expected: list[str]) -> None:
    kept = Kept()
    assert said(release(kept, train, old), release(kept, train, new)) == expected


def test_new_leakage_stands_before_datasets_and_known_leakage_after_them() -> None:
    kept = Kept()
    clean, leaking = release(kept, TEXTS, HELD_OUT), release(kept, TEXTS, [*HELD_OUT, TEXTS[0]])
    still = release(kept, TEXTS, [TEXTS[0], *HELD_OUT])
    assert [finding.rank for finding in (*findings(clean, leaking), *findings(leaking, still))] == [65, 75]


def test_samples_name_both_rows_and_hold_both_texts() -> None:
    kept = Kept()
    (finding,) = findings(release(kept, TEXTS, HELD_OUT), release(kept, TEXTS, [*HELD_OUT, NEAR, TEXTS[1]]))
    same, near = samples_of(finding)
    assert same == {
        "evaluated": "holdout:h5",
        "trained": "train:t1",
        "evaluated_text": TEXTS[1],
        "trained_text": TEXTS[1],
        "same": True,
        "likeness": 1.0,
        "new": True,
    }
    assert (near["evaluated"], near["trained"], near["same"]) == ("holdout:h4", "train:t0", False)
    drawn = [[span.text for span in block.spans] for block in finding.details[0].shown() if isinstance(block, Line)]
    assert ["holdout:h4 = train:t0", ", 86% alike"] in drawn
    assert any("really " in "".join(spans) for spans in drawn)


def test_what_did_not_change_is_not_read() -> None:
    kept = Kept()
    leaking = release(kept, TEXTS, [*HELD_OUT, TEXTS[0]])
    other = Release(kept)
    other.components = {**leaking.components}
    other.add("prompts", Kind.PROMPT, {"system.md": "Be kind."})
    kept.reads.clear()
    assert findings(leaking, other) == []
    assert kept.reads == []


def test_the_old_side_is_not_looked_at_where_nothing_leaked() -> None:
    kept = Kept()
    old, new = release(kept, TEXTS, [*HELD_OUT, TEXTS[0]]), release(kept, TEXTS, HELD_OUT)
    kept.reads.clear()
    assert findings(old, new) == []
    assert FileDigest.of(jsonl([*HELD_OUT, TEXTS[0]], "h").encode()) not in kept.reads


def test_a_model_made_from_what_judges_it() -> None:
    kept = Kept()
    before, after = release(kept, TEXTS, HELD_OUT), release(kept, TEXTS, HELD_OUT, made_from=("train", "holdout"))
    (finding,) = findings(before, after)
    assert finding.summary == "router was made from holdout, on which quality judges"
    assert finding.rank == 65
    assert findings(after, after) == []


def test_without_making_every_dataset_that_no_suite_runs_on_is_training_data() -> None:
    kept = Kept()
    old = release(kept, TEXTS, HELD_OUT)
    new = release(kept, TEXTS, [*HELD_OUT, TEXTS[0]])
    new.components[ComponentName("router")] = replace(new.components[ComponentName("router")], provenance=Provenance())
    assert said(old, new) == ["1 of 5 rows of holdout (20%) stands in train, word for word; it did not before"]


def test_a_dataset_that_nothing_was_made_from_is_no_training_data() -> None:
    kept = Kept()
    old = release(kept, TEXTS, HELD_OUT).add("archive", Kind.DATASET, {"a.jsonl": jsonl(["nothing of interest here"], "a")})
    new = release(kept, TEXTS, HELD_OUT).add("archive", Kind.DATASET, {"a.jsonl": jsonl(HELD_OUT, "a")})
    assert said(old, new) == []


def test_the_cases_of_a_suite_are_evaluation_data() -> None:
    kept = Kept()
    cases = "".join(json.dumps({"case": f"c{n}", "input": text, "expected": "x"}) + "\n" for n, text in enumerate([*HELD_OUT, TEXTS[5]]))
    old = release(kept, TEXTS, HELD_OUT)
    new = release(kept, TEXTS, HELD_OUT).add("quality", Kind.EVAL, {"run.sh": "", "cases.jsonl": cases}, on="holdout")
    (finding,) = findings(old, new)
    assert finding.summary == "1 of 5 rows of quality (20%) stands in train, word for word; it did not before"
    assert samples_of(finding)[0]["evaluated"] == "quality:c4"


def test_tables_of_different_formats_and_columns() -> None:
    kept = Kept()
    old = release(kept, TEXTS, HELD_OUT)
    new = release(kept, TEXTS, HELD_OUT)
    new.add("train", Kind.DATASET, {"part-1.csv": csv(TEXTS[:4]), "part-2.jsonl": jsonl([*TEXTS[4:], HELD_OUT[3]], "t", "text")})
    assert said(old, new) == ["1 of 4 rows of holdout (25%) stands in train, word for word; it did not before"]


def test_a_file_that_cannot_be_read_is_said_and_the_others_are_looked_through() -> None:
    kept = Kept()
    old = release(kept, TEXTS, HELD_OUT)
    broken = {"a.jsonl": jsonl([*TEXTS, HELD_OUT[0]], "t"), "b.jsonl": "{broken"}
    (finding,) = findings(old, release(kept, TEXTS, HELD_OUT).add("train", Kind.DATASET, broken))
    assert finding.summary.startswith("1 of 4 rows of holdout (25%) stands in train")
    assert "b.jsonl" in str(finding.details[-1].to_json())
    (finding,) = findings(old, release(kept, TEXTS, HELD_OUT).add("train", Kind.DATASET, {"b.jsonl": "{broken"}))
    assert finding.summary == "whether evaluation data stands in training data is not known: 1 file could not be looked through"
    assert finding.rank == 75


class Damaged(Kept):
    """Files that are damaged, or gone."""

    error: type[Exception] = Integrity

    def open_file(self, digest: FileDigest) -> object:  # type: ignore[override]
        raise self.error(f"the file {digest.short} is not what it should be")


def test_damaged_bytes_are_an_error_and_removed_ones_a_note() -> None:
    kept = Damaged()
    old, new = release(kept, TEXTS, HELD_OUT), release(kept, TEXTS, TEXTS)
    with pytest.raises(Integrity):
        findings(old, new)
    kept.error = Gone
    (finding,) = findings(old, new)
    assert "removed by policy" in str(finding.to_json())


def test_datasets_without_tables_are_passed_over() -> None:
    kept = Kept()
    old = release(kept, TEXTS, HELD_OUT)
    new = release(kept, TEXTS, HELD_OUT).add("train", Kind.DATASET, {"pictures.bin": "x"})
    assert said(old, new) == []


def test_hostile_names_do_no_harm() -> None:
    kept = Kept()
    old = release(kept, TEXTS, HELD_OUT)
    rows = json.dumps({"id": "\x1b[31m\u202e", "text": TEXTS[0]}) + "\n" + jsonl(HELD_OUT, "h")
    new = release(kept, TEXTS, HELD_OUT).add("holdout", Kind.DATASET, {"holdout.jsonl": rows})
    (finding,) = findings(old, new)
    assert finding.summary.isprintable()
