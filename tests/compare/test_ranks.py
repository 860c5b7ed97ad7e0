"""Ranks that somebody said: for a kind, for a component, and never past what is cosmetic."""

from __future__ import annotations

from lastgood.compare.change import Change, ComponentChange
from lastgood.compare.components import compare_component
from lastgood.compare.ranking import DEFAULT_RANKS, Ranks, rank_changes
from lastgood.ids import ComponentName
from lastgood.model.component import Kind
from tests.compare.sides import Kept

PARTS = {"prompts": Kind.PROMPT, "train": Kind.DATASET, "holdout": Kind.DATASET, "routing": Kind.CONFIG}


def order(ranks: Ranks, new: str = "other") -> list[str]:
    kept = Kept()
    changes: list[ComponentChange] = []
    for name, kind in PARTS.items():
        old, after = kept.side(kind, {"a.yaml": "a: 1"}), kept.side(kind, {"a.yaml": new})
        changes.append(compare_component(ComponentName.parse(name), old, after, kept, ranks=ranks))
    return [str(change.name) for change in rank_changes(changes)]


def test_the_documented_order_is_the_one_without_any() -> None:
    assert order(DEFAULT_RANKS) == order(Ranks.overridden({})) == ["prompts", "routing", "holdout", "train"]


def test_a_kind_and_a_component_come_where_they_are_said_to() -> None:
    assert order(Ranks.overridden({"dataset": 15})) == ["prompts", "holdout", "train", "routing"]
    assert order(Ranks.overridden({"train": 5})) == ["train", "prompts", "routing", "holdout"]
    assert order(Ranks.overridden({"train": 99, "dataset": 0})) == ["holdout", "prompts", "routing", "train"]


def test_a_component_that_is_called_like_a_kind_is_meant_first() -> None:
    ranks = Ranks.overridden({"eval": 1})
    assert ranks.of(ComponentName.parse("eval"), Kind.CODE, Change.CHANGED) == 1
    assert ranks.of(ComponentName.parse("quality"), Kind.EVAL, Change.CHANGED) == 1


def test_what_is_cosmetic_or_unchanged_still_comes_last() -> None:
    assert order(Ranks.overridden({"routing": 0}), new="a:  1") == ["holdout", "train", "routing", "prompts"]
    first = Ranks.overridden({"train": 0}).of(ComponentName.parse("train"), Kind.DATASET, Change.UNCHANGED)
    assert first > Ranks.overridden({"eval": 99}).of(ComponentName.parse("x"), Kind.EVAL, Change.CHANGED, cosmetic=True)
