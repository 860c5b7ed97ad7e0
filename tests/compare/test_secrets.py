"""Secrets that somebody let into a config: nobody is shown them, on a line or in JSON."""

from __future__ import annotations

import json

import pytest

from lastgood.canonical import Json
from lastgood.compare.change import ComponentChange
from lastgood.compare.secrets import is_secret
from lastgood.model.component import Kind
from tests.compare.sides import compare_one


def everything_of(change: ComponentChange) -> str:
    """Return all that is said of a change, to people and to programs."""
    return json.dumps([change.to_json(), [repr(block) for detail in change.details for block in detail.shown(everything=True)]])


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        (".env", "OPENAI_API_KEY=hunter1\n", "OPENAI_API_KEY=hunter2\n", "OPENAI_API_KEY changed (value hidden)"),
        (".env", "A=1\n", "A=1\nGITHUB_TOKEN=hunter2\n", "GITHUB_TOKEN added (value hidden)"),
        ("a.yaml", "db: {password: hunter1}\n", "db: {}\n", "db.password removed (value hidden)"),
        ("a.toml", "client_secret = 'hunter1'\n", "client_secret = 'hunter2'\n", "client_secret changed (value hidden)"),
        ("a.json", '{"apiKey": "hunter1"}', '{"apiKey": "hunter2"}', "apiKey changed (value hidden)"),
        ("a.json", '{"a": 1}', '{"a": 1, "db": {"pin": 4, "password": "hunter2"}}', 'db added: {"pin": 4, "password": "(hidden)"}'),
        ("a.json", "[]", '[{"name": "x", "authToken": "hunter2"}]', '[x] added: {"name": "x", "authToken": "(hidden)"}'),
        ("a.yaml", "pwd: hunter1 and so on for more than forty characters\n", "pwd: hunter2\n", "pwd changed (value hidden)"),
    ],
)
def test_values_are_hidden_everywhere(path: str, old: str, new: str, said: str) -> None:
    change = compare_one(Kind.CONFIG, path, old, new)
    assert change.summary == f"{path}: {said}"
    assert "hunter" not in everything_of(change)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (".env", "PASSWORD=hunter1\nwhat is this\n", "PASSWORD=hunter2\nwhat is that\n"),
        (".env", "export API_KEY='hunter1'\n", "API_KEY=hunter2\nwhat\n"),
        ("a.yaml", "a: [\npassword: hunter1\n", "a: [\n  password: hunter2\nb\n"),
        ("a.json", '{"password": "hunter1",\n', '{"password": "hunter2"'),
        (".env", "what is this\nPASSWORD=hunter1\n", "what is this\nPASSWORD=hunter2\n"),
    ],
)
def test_they_are_hidden_where_a_file_is_compared_as_text_as_well(path: str, old: str, new: str) -> None:
    change = compare_one(Kind.CONFIG, path, old, new)
    assert "hunter" not in everything_of(change)
    assert "not valid" in change.summary


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", 10),
        ("EOS_TOKEN", "</s>"),
        ("sort_key", "id"),
        ("key", "id"),
        ("token", "x"),
        ("tokenizer", "bpe"),
        ("password", ""),
        ("password", None),
        ("use_password", True),
        ("api_key", "${OPENAI_API_KEY}"),
        ("secret", "vault:kv/desk"),
    ],
)
def test_what_is_no_secret_is_shown(name: str, value: Json) -> None:
    assert not is_secret(name, value)
