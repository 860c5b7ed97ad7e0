"""`diff` as somebody asks for it: in tokens, in an order of one's own, and with a lastgood.toml that is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Desk


@pytest.fixture
def changed(desk: Desk) -> Desk:
    """A release in which the prompt, the config and the weights changed."""
    desk.write("config/routing.yaml", "temperature: 0.9\ntop_p: 0.9\n")
    desk.write("models/router.bin", bytes(100))
    desk.commit("Cite the policy, warmly, as {name} would.")
    return desk


def names(desk: Desk, *arguments: str) -> list[str]:
    return [one["name"] for one in desk.ask("diff", "r1", "r2", *arguments)["components"]]


def test_lengths_in_tokens_of_a_real_tokenizer(changed: Desk, minilm: Path) -> None:
    told = changed.tell("diff", "r1", "r2", "--component", "prompts", "--tokenizer", str(minilm / "tokenizer.json")).out
    assert "tokens" in told
    (component,) = changed.ask("diff", "r1", "r2", "--component", "prompts", "--tokenizer", str(minilm / "tokenizer.json"))["components"]
    assert component["details"][0]["tokens"] == [10, 12]
    (plain,) = changed.ask("diff", "r1", "r2", "--component", "prompts")["components"]
    assert plain["details"][0]["tokens"] is None


def test_a_tokenizer_that_is_none_or_is_nowhere(changed: Desk) -> None:
    assert changed.fails("diff", "r1", "r2", "--tokenizer", "config/routing.yaml")["kind"] == "invalid"
    assert changed.fails("diff", "r1", "r2", "--tokenizer", "nowhere.json")["kind"] == "not-found"


def test_the_order_is_what_lastgood_toml_says(changed: Desk) -> None:
    assert names(changed) == ["prompts", "routing", "router"]
    file = changed.root / "lastgood.toml"
    file.write_text(file.read_text() + "\n[diff.rank]\nartifact = 15\nprompts = 50\n")
    assert names(changed) == ["router", "routing", "prompts"]
    assert [one["name"] for one in changed.ask("status")["changes"]] == []
    changed.write("models/router.bin", bytes(99))
    changed.write("config/routing.yaml", "temperature: 0.1\n")
    assert [one["name"] for one in changed.ask("status")["changes"]] == ["router", "routing"]


def test_a_broken_lastgood_toml_does_not_stand_in_the_way(changed: Desk) -> None:
    changed.write("lastgood.toml", "pipeline = ")
    ran = changed.tell("--registry", str(changed.registry), "diff", "r1", "r2")
    assert "usual order" in ran.err
    assert ran.out.startswith("prompts")
