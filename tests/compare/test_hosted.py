"""Hosted models: what a person reads when a provider, a name or a build changed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lastgood.compare.change import FieldChange, Note
from lastgood.compare.components import compare_component
from lastgood.compare.hosted import is_floating
from lastgood.compare.ranking import COSMETIC
from lastgood.model.component import Kind
from tests.compare.sides import NAME, Kept

PINNED = "gpt-4.1-2025-04-14"
Model = tuple[str, str, str | None]


@dataclass(frozen=True)
class Case:
    name: str
    old: Model
    new: Model
    summary: str
    note: bool = False


CASES = (
    Case(
        "the provider changed it",
        ("openai", PINNED, "fp_1"),
        ("openai", PINNED, "fp_2"),
        f"same name {PINNED}, different fingerprint (fp_1 → fp_2): the provider changed it",
    ),
    Case(
        "the provider changed what floats",
        ("openai", "gpt-4o", "fp_1"),
        ("openai", "gpt-4o", "fp_2"),
        "same name gpt-4o, different fingerprint (fp_1 → fp_2): the provider changed it",
    ),
    Case("another model", ("openai", PINNED, None), ("openai", "gpt-4o-2024-08-06", None), f"model {PINNED} → gpt-4o-2024-08-06"),
    Case(
        "another model and build",
        ("openai", "gpt-4.1", "fp_1"),
        ("openai", "gpt-4o", "fp_2"),
        "model gpt-4.1 → gpt-4o; fingerprint fp_1 → fp_2",
    ),
    Case("one floating name for another", ("openai", "gpt-4.1", None), ("openai", "gpt-4o", None), "model gpt-4.1 → gpt-4o", note=True),
    Case(
        "let float",
        ("openai", PINNED, None),
        ("openai", "gpt-4.1", None),
        f"model {PINNED} → gpt-4.1; the new name floats: the provider can change what answers to it",
        note=True,
    ),
    Case("pinned", ("openai", "gpt-4.1", None), ("openai", PINNED, None), f"model gpt-4.1 → {PINNED}; the new name is pinned to one build"),
    Case("another provider", ("openai", "gpt-4o", None), ("azure", "gpt-4o", None), "provider openai → azure", note=True),
    Case(
        "another provider and build",
        ("openai", "gpt-4o", "a"),
        ("azure", "gpt-4o", "b"),
        "provider openai → azure; fingerprint a → b",
    ),
    Case(
        "everything",
        ("openai", PINNED, "a"),
        ("anthropic", "claude-sonnet-4-5-20250929", "b"),
        f"provider openai → anthropic; model {PINNED} → claude-sonnet-4-5-20250929; fingerprint a → b",
    ),
    Case("a fingerprint recorded", ("openai", "gpt-4o", None), ("openai", "gpt-4o", "fp_2"), "fingerprint set to fp_2"),
    Case(
        "a fingerprint no longer recorded",
        ("openai", "gpt-4o", "fp_1"),
        ("openai", "gpt-4o", None),
        "fingerprint removed (was fp_1); from now on nobody sees when the provider changes it",
        note=True,
    ),
    Case(
        "escape sequences",
        ("openai", "a-2025-01-01", None),
        ("openai", "a\x1b[2J-2025-01-01", None),
        "model a-2025-01-01 → a\\x1b[2J-2025-01-01",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Case) -> None:
    kept = Kept()
    sides = [kept.side(Kind.HOSTED, {}, provider=one[0], model=one[1], fingerprint=one[2]) for one in (case.old, case.new)]
    change = compare_component(NAME, sides[0], sides[1], kept)
    assert change.summary == case.summary
    fields = [detail.field for detail in change.details if isinstance(detail, FieldChange)]
    assert fields == [name for name, old, new in zip(("provider", "model", "fingerprint"), case.old, case.new, strict=True) if old != new]
    assert any(isinstance(detail, Note) for detail in change.details) == case.note
    assert change.rank < COSMETIC


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4.1-2025-04-14",
        "gpt-4-0613",
        "claude-sonnet-4-5-20250929",
        "anthropic.claude-3-sonnet-20240229-v1:0",
        "gemini-1.5-pro-002",
        "gemini-2.5-pro-preview-05-06",
        "mistral-large-2411",
        "command-r-08-2024",
        "text-bison@001",
        "claude-3@20240229",
        "meta/llama-3:70b-chat@sha256:abcd",
    ],
)
def test_names_of_one_build(name: str) -> None:
    assert not is_floating(name)


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4.1",
        "gpt-4-32k",
        "o3",
        "claude-sonnet-4-5",
        "claude-3-5-sonnet-latest",
        "mistral-large-latest",
        "gemini-2.5-pro",
        "publishers/google/models/gemini-pro@default",
        "llama3.1:8b",
        "phi-3-mini-128k",
        "",
    ],
)
def test_names_that_float(name: str) -> None:
    assert is_floating(name)
