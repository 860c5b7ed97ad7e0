"""Hooks of the workspace file: told after the fact, recorded, and never in the way of a move."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.commands import Desk
from tests.integrations.test_hooks import SECRET, Receiver, receiving


def declare(desk: Desk, *hooks: str) -> None:
    text = (desk.root / "lastgood.toml").read_text()
    desk.write("lastgood.toml", text + "".join(f"\n[[environments.prod.hooks]]\n{hook}\n" for hook in hooks))


def told(desk: Desk) -> list[str]:
    items = desk.ask("log", "--operations")["items"]
    return [line for one in items for line in one["changes"] if "hook" in line]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses are noted and not waited for."""
    pauses: list[float] = []
    monkeypatch.setattr("lastgood.cli.hooks.time", SimpleNamespace(sleep=pauses.append))
    return pauses


def test_a_command_is_told_of_each_move(three: Desk) -> None:
    declare(three, 'name = "note"\nrun = "sh -c \'cat >> told.jsonl; echo >> told.jsonl\'"')
    answer = three.ask("deploy", "prod", "r1", "--reason", "to see")
    three.tell("deploy", "prod", "r1")
    three.tell("rollback", "prod", "--dry-run", "--reason", "not told")
    three.tell("deploy", "prod", "r2", "--no-hooks")
    three.tell("rollback", "prod", "--reason", "x" * 10_000)
    lines = [json.loads(line) for line in (three.root / "told.jsonl").read_text().splitlines()]
    assert answer["hooks"] == [{"hook": "note", "outcome": "delivered", "attempts": 1, "code": 0}]
    assert [(one["data"]["kind"], one["data"]["to_number"], one["data"]["revision"]) for one in lines] == [
        ("deploy", 1, 4),
        ("rollback", 1, 6),
    ]
    assert (lines[0]["type"], lines[0]["data"]["reason"], lines[0]["data"]["actor"]) == ("environment.moved", "to see", "ada@example.org")
    assert lines[1]["data"]["reason"] == "x" * 4_000
    assert told(three) == ["prod revision 6: hook note delivered", "prod revision 4: hook note delivered"]
    assert three.ask("verify")["ok"] is True


def test_a_webhook_is_signed_and_its_secret_stays_where_it_is(three: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    three.write("secret", SECRET)
    with receiving(204, 204) as url:
        declare(three, f'url = "{url}?token=s3cret"\nsecret_env = "HOOK_SECRET"', f'url = "{url}"\nsecret_file = "secret"')
        ran = three.tell("deploy", "prod", "r1", "--json")
    assert [one["outcome"] for one in ran.answer["hooks"]] == ["delivered", "delivered"]
    first, second = Receiver.got
    assert first[1]["webhook-id"] != second[1]["webhook-id"]
    catalog = b"".join(path.read_bytes() for path in three.registry.glob("catalog.db*"))
    for secret in (SECRET, SECRET.removeprefix("whsec_"), "s3cret"):
        assert secret.encode() not in catalog
        assert secret not in ran.out + ran.err


def test_one_that_fails_neither_fails_nor_undoes_the_move(three: Desk, quick: list[float]) -> None:
    with receiving(*[500] * 9) as url:
        declare(three, f'url = "{url}"\nsecret_env = "NOT_SET"', "run = \"sh -c 'exit 3'\"", 'run = "true"')
        ran = three.tell("deploy", "prod", "r1", "--json")
    outcomes = [(one["hook"], one["outcome"], one["attempts"], one["code"]) for one in ran.answer["hooks"]]
    assert outcomes == [("hook-1", "failed", 0, None), ("hook-2", "failed", 4, 3), ("hook-3", "delivered", 1, 0)]
    assert "hook hook-1 of prod failed after 0 attempts: the variable NOT_SET with its secret is not set" in ran.err
    assert quick == [0.5, 1.0, 2.0]
    assert three.number_in("prod") == 1
    assert "prod revision 4: hook hook-2 failed" in told(three)


def test_an_interrupt_leaves_the_move_as_it_is(three: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:  # noqa: ANN401 - whatever it is given
        raise KeyboardInterrupt

    declare(three, 'run = "true"', 'run = "true"')
    monkeypatch.setattr("lastgood.integrations.hooks.deliver", interrupt)
    ran = three.tell("deploy", "prod", "r1", "--json")
    assert (ran.answer["changed"], ran.answer["hooks"]) == (True, [])
    assert "warning: 2 hooks of prod not told; the move stands" in ran.err
    assert three.number_in("prod") == 1


def test_an_undo_is_told_of_like_any_move(three: Desk) -> None:
    declare(three, 'run = "true"')
    done = three.ask("deploy", "prod", "r1")
    assert three.ask("undo", done["operation"])["hooks"][0]["outcome"] == "delivered"


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        ('url = "https://a.example/x"', "is no hook"),
        ('run = "true"\nurl = "https://a.example/x"\nsecret_env = "A"', "is no hook"),
        ('url = "http://a.example/x"\nsecret_env = "A"', "without encryption"),
        ('url = "ftp://a.example/x"\nsecret_env = "A"', "url"),
        ('run = "sh -c \'unclosed"', "cannot be split"),
        ('run = "  "', "without a word"),
        ('run = "true"\nnome = "x"', "did you mean name"),
        ('run = "true"\nname = "a b"', "hook name"),
    ],
)
def test_a_hook_of_a_wrong_form_stops_the_move_before_it_is_made(three: Desk, hook: str, words: str) -> None:
    declare(three, hook)
    error = three.fails("deploy", "prod", "r1")
    assert error["kind"] == "invalid-workspace"
    assert words in error["message"]


def test_two_hooks_have_two_names(three: Desk) -> None:
    declare(three, 'run = "true"\nname = "hook-2"', 'run = "true"')
    assert "is called 'hook-2' already" in three.fails("deploy", "prod", "r1")["message"]
