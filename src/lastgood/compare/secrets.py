"""Values that are shown to nobody: what a config keeps under a name that secrets have.

Rules: the name decides, and only for texts and numbers: `password`, `client_secret`, `api_key`, `OPENAI_API_KEY`,
`GITHUB_TOKEN`; not `max_tokens`, `eos_token` or `sort_key`. A value that only says where the secret is (`${OPENAI_API_KEY}`,
`vault:…`) is no secret. A commit refuses what looks like a credential anyway; this is for what somebody let through.

    >>> is_secret("OPENAI_API_KEY", "sk-1"), is_secret("max_tokens", 10), is_secret("password", "${DB_PASSWORD}")
    (True, False, False)
    >>> hide_within({"name": "db", "password": "hunter2"})
    {'name': 'db', 'password': '(hidden)'}
"""

from __future__ import annotations

import re

from lastgood.canonical import Json

HIDDEN = "(hidden)"

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ALWAYS = frozenset({"credential", "credentials", "passphrase", "passwd", "password", "pwd", "secret", "secrets", "apikey"})
_KEYS = frozenset({"access", "account", "api", "auth", "client", "encryption", "license", "master", "private", "secret", "signing"})
_NO_TOKENS = frozenset(
    {"begin", "bos", "class", "cls", "end", "eos", "first", "image", "last", "mask", "max", "min", "next", "pad", "per", "sep"}
    | {"special", "start", "stop", "unk"}
)
_ASSIGNED = re.compile(r"^([ \t{,-]{0,40}(?:export[ \t]+)?[\"']?([A-Za-z_][\w.-]{0,99})[\"']?[ \t]*[=:][ \t]*)([^\s][^\n]*)", re.MULTILINE)
_REFERENCE = re.compile(r"\$[({A-Za-z_]|\{\{|<|%\(|(?:env|vault|secrets?|op|file)[:.(/]", re.IGNORECASE)


def is_secret(name: str, value: Json) -> bool:
    """Say whether the value of a key is one that nobody is shown."""
    if not isinstance(value, str | int | float) or isinstance(value, bool) or value == "":
        return False
    return names_secret(name) and not (isinstance(value, str) and _REFERENCE.match(value))


def names_secret(name: str) -> bool:
    """Say whether a key is called what secrets are called."""
    words = _HUMP.sub("_", name[-80:]).lower().replace("-", "_").replace(".", "_").strip("_").split("_")
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in _ALWAYS:
        return True
    if last == "key":
        return before in _KEYS or (name.isupper() and bool(before))
    return last == "token" and bool(before) and before not in _NO_TOKENS


def hide_assigned(text: str) -> str:
    """Return a text that could not be read as a config, with what nobody is shown replaced where a line assigns it."""

    def hide(match: re.Match[str]) -> str:
        secret = is_secret(match[2], match[3].strip("\"' \t,"))
        return f"{match[1]}{HIDDEN}" if secret else match[0]

    return _ASSIGNED.sub(hide, text)


def hide_within(value: Json) -> Json:
    """Return a value in which what nobody is shown is a word that says so."""
    if isinstance(value, dict):
        return {key: HIDDEN if is_secret(key, item) else hide_within(item) for key, item in value.items()}
    if isinstance(value, list):
        return [hide_within(item) for item in value]
    return value
