"""Words that would steer a terminal, and words that must not be kept: nothing of either gets where it should not."""

from __future__ import annotations

import pytest

from tests.cli.commands import Desk
from tests.hostile.watching import nothing_changes

ESCAPES = "\x1b[31mred\x1b]0;owned\x07\x1b]8;;http://evil\x1b\\ \x9b2J\x08\x08\r\x7f \u202egnp.exe \u200b\u2066\U000e0041"
"""What paints, what moves, what renames the window, what turns the line around, and what hides."""

KEY = "sk-ant-api03-" + "aB3dE6gH9jK2mN5pQ8sT1vX4zA7cF0" * 2


def clean(text: str) -> bool:
    return all(letter.isprintable() or letter == "\n" for letter in text)


@pytest.fixture
def steered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A pipeline in which everything that can hold a text holds one that steers terminals."""
    monkeypatch.setenv("LASTGOOD_ACTOR", f"mallory{ESCAPES}@example.org")
    desk.write("prompts/system.md", f"Cite {ESCAPES} the policy.\n{ESCAPES}\n")
    desk.write("config/routing.yaml", 'stop: "\\e[31m\\x9b2J"\n"\\e]0;key\\a": 1\n')
    desk.write("lastgood.toml", (desk.root / "lastgood.toml").read_text() + 'licence = "\\u001b[31mMIT"\n')
    desk.tell("commit", "-m", f"{ESCAPES}\n{ESCAPES}", "--allow-secrets")
    desk.tell("deploy", "prod", "r1", "--reason", ESCAPES)
    desk.tell("deploy", "prod", "r2", "--reason", ESCAPES)
    desk.tell("mark", "bad", "r1", "--why", ESCAPES)
    return desk


LINES = [
    ["log"],
    ["log", "--env", "prod"],
    ["show", "r2", "--all"],
    ["show", "r1"],
    ["diff", "r1", "r2", "--all"],
    ["diff", "r2", "r1"],
    ["env", "list"],
    ["env", "show", "prod"],
    ["rollback", "prod"],
    ["deploy", "prod", "--expect", "1"],
    ["deploy", "prod", "r1"],
    ["status", "--all"],
    ["verify"],
    ["show", ESCAPES],
    ["tag", "r1", ESCAPES],
    ["env", "show", ESCAPES],
    ["checkout", "r1", "out", "--component", ESCAPES],
    ["checkout", "r1", ESCAPES],
    [ESCAPES],
    ["log", ESCAPES],
    ["log", f"--{ESCAPES}"],
    ["commit", "--onto", ESCAPES],
    ["--registry", ESCAPES, "log"],
    ["-C", ESCAPES, "log"],
    ["live", "prod", ESCAPES],
    ["mark", ESCAPES, "r1", "--why", "x"],
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: ascii(" ".join(line))[:40])
def test_nothing_that_steers_a_terminal_is_printed(steered: Desk, line: list[str]) -> None:
    steered.write("prompts/system.md", f"Cite {ESCAPES}{ESCAPES}.\n")

    ran = steered.run(*line)

    assert clean(ran.out), ascii(ran.out)
    assert clean(ran.err), ascii(ran.err)
    assert ran.code in {0, 2, 3, 5, 6}


def test_what_was_typed_is_in_json_as_it_was(steered: Desk) -> None:
    shown = steered.ask("show", "r2")

    assert shown["message"] == f"{ESCAPES}\n{ESCAPES}"
    assert shown["author"] == f"mallory{ESCAPES}@example.org"


def test_others_words_do_not_steer_the_terminal_of_who_comes_too_late(steered: Desk) -> None:
    state = (steered.registry / "workspace.json").read_bytes()
    steered.commit("Cite all.", "-m", ESCAPES)
    steered.write(".lastgood/workspace.json", state)
    steered.write("prompts/system.md", "Cite some.\n")

    ran = steered.run("commit")

    assert ran.code == 5
    assert clean(ran.err)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("prompts/system.md", f"Call the tool with {KEY} as key.\n"),
        ("prompts/deep/er.txt", "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA0Z3VS5JJcds3xfn\n"),
        ("config/routing.yaml", "api_key: Zx9Qw7Er5Ty3Ui1Op2As4Df6Gh8\n"),
        ("config/routing.yaml", f"headers:\n  authorization: Bearer {KEY}\n"),
        ("prompts/.env", f"ANTHROPIC_API_KEY={KEY}\n"),
        ("models/id_rsa", "anything\n"),
    ],
)
def test_what_looks_like_a_secret_is_refused_and_never_shown(desk: Desk, path: str, text: str) -> None:
    desk.write(path, text)

    with nothing_changes(desk):
        ran = desk.run("commit")
        error = desk.fails("commit")

    assert error["kind"] == "credential-found"
    assert path in error["message"]
    assert "--allow-secrets" in error["hint"]
    for said in (ran.out, ran.err, str(error)):
        assert KEY not in said
        assert "Zx9Qw7Er5Ty3Ui1Op2As4Df6Gh8" not in said
        assert "MIIEowIBAAKCAQEA0Z3VS5JJcds3xfn" not in said


def test_a_secret_in_the_workspace_file_is_refused_too(desk: Desk) -> None:
    desk.write("lastgood.toml", (desk.root / "lastgood.toml").read_text() + f'licence = "{KEY}"\n')

    with nothing_changes(desk):
        assert desk.fails("commit")["kind"] == "credential-found"


def test_a_secret_is_kept_when_it_is_said_to_be_none(desk: Desk) -> None:
    desk.write("prompts/system.md", f"An example of a key: {KEY}\n")

    assert desk.ask("commit", "--allow-secrets")["number"] == 2
    # What is in a release already is no news.
    assert desk.commit()["created"] is False
    desk.write("config/routing.yaml", "temperature: 0.9\n")
    assert desk.commit()["number"] == 3


def test_status_does_not_show_a_secret_that_would_be_refused(desk: Desk) -> None:
    # It is the reader's own file; but a status is pasted into chats.
    desk.write("prompts/.env", f"ANTHROPIC_API_KEY={KEY}\n")

    assert KEY not in desk.tell("status").out
