"""Finds what looks like a credential before it is committed.

Rules: a file's name is looked at for every kind of component, and so is what `.pem` and `.key` files hold; the text
of prompts, configs and lock files is searched for the well-known shapes of tokens, and that of prompts and configs
for assignments such as `password = …`. Code and data are not searched: they are full of examples, and an alarm that
is mostly false is switched off. What is found must look random, and not like a placeholder (`${TOKEN}`,
`<your-key>`, `changeme`). The secret itself is never shown. Each pattern is tried only where its first characters
stand and is bounded in length, so the time is linear in the size of the text.

    >>> [finding.what for finding in find_in_text("p.md", b"use ghp_" + b"0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uVwXy")]
    ['a GitHub token (ghp_…)']
    >>> find_in_text("p.md", b"api_key: ${OPENAI_KEY}", assignments=True)
    []
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lastgood.errors import CredentialFound
from lastgood.model.component import Kind

LONGEST_SCAN = 2 << 20
"""So many bytes at the start of a file are looked at."""

_BINARY_PROBE = 8_192
_MOST_IN_ONE_FILE = 20
_MOST_SHOWN = 20
_SHORTEST_RUN = 12
_LEAST_BITS = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """A likely credential: where it is, and what it looks like. `line` is None where the file's name tells."""

    path: str
    line: int | None
    what: str

    def __str__(self) -> str:
        """Write it as one line."""
        return f"{self.path}: {self.what}" if self.line is None else f"{self.path}:{self.line}: {self.what}"


class _Shape(NamedTuple):
    """A token's form: what it is, how it starts, how it goes on from that start, and whether it must look random."""

    what: str
    start: bytes
    pattern: re.Pattern[bytes]
    random: bool = True


def _shape(what: str, start: str, rest: str, *, random: bool = True) -> _Shape:
    return _Shape(what, start.encode(), re.compile(f"{re.escape(start)}({rest})".encode()), random)


_SHAPES = (
    _shape("an AWS access key", "AKIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])", random=False),
    _shape("an AWS access key", "ASIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])", random=False),
    _shape("a GitHub token", "gh", r"[pousr]_[A-Za-z0-9]{36,255}"),
    _shape("a GitHub token", "github_pat_", r"[A-Za-z0-9_]{22,255}"),
    _shape("a GitLab token", "glpat-", r"[A-Za-z0-9_-]{20,255}"),
    _shape("an Anthropic key", "sk-ant-", r"[A-Za-z0-9_-]{20,255}"),
    _shape("an OpenAI key", "sk-", r"(?!ant-)[A-Za-z0-9_-]{20,255}"),
    _shape("a Slack token", "xox", r"[abeoprs]-[A-Za-z0-9-]{10,255}"),
    _shape("a Slack webhook", "hooks.slack.com/services/", r"[A-Z0-9]{6,20}/[A-Z0-9]{6,20}/[A-Za-z0-9]{16,40}"),
    _shape("a Google API key", "AIza", r"[A-Za-z0-9_-]{35}"),
    _shape("a Stripe key", "k_live_", r"[A-Za-z0-9]{16,255}"),
    _shape("a Hugging Face token", "hf_", r"[A-Za-z0-9]{30,255}"),
    _shape("a Groq key", "gsk_", r"[A-Za-z0-9]{40,255}"),
    _shape("a PyPI token", "pypi-AgEI", r"[A-Za-z0-9_-]{50,255}"),
    _shape("an npm token", "npm_", r"[A-Za-z0-9]{36}"),
    _shape("a SendGrid key", "SG.", r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _shape("an Azure storage key", "AccountKey=", r"[A-Za-z0-9+/]{86}=="),
    _shape("a lastgood token", "lg_", r"[A-Za-z0-9]{4,40}_[A-Za-z0-9_-]{32,255}"),
    _shape("a JSON Web Token", "eyJ", r"[A-Za-z0-9_-]{10,400}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,2000}"),
    _shape(
        "a private key",
        "-----BEGIN ",
        r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]){0,8}(?:[A-Za-z0-9+/=]{16}|Proc-Type|Version)",
        random=False,
    ),
)
_BEARER = _shape("a bearer token", "Bearer ", r"[A-Za-z0-9._~+/=-]{20,2000}")
_URL = re.compile(rb"://[^\s/:@\"'<>]{1,100}:([^\s/@\"'<>]{6,200})@")
_SECRET_WORDS = (b"password", b"passwd", b"secret", b"api_key", b"api-key", b"apikey", b"token", b"access_key", b"private_key")
_ASSIGNED = re.compile(
    rb"""(?i:[_-]?(?:key|value))?["']?[ \t]{0,8}(?::=|=>|[:=])[ \t]{0,8}(?:["']([^"'\r\n]{8,300})["']|([A-Za-z0-9+/=_.~-]{16,300}))"""
)
_PLACEHOLDER = re.compile(
    r"\$[({A-Z_]|\{\{|%[(\w]|[<>*]|\.\.\.|(.)\1{5}|env[:.(\[]|vault:|secret[s]?[:/]"
    r"|example|sample|change.?me|your[_-]|placeholder|dummy|redacted|password|to-?do|abcdef|12345678|fake|test",
    re.IGNORECASE,
)
_RUN = re.compile(r"[A-Za-z0-9]+")

_SECRET_NAME = re.compile(
    r"\.env|\.env\.(?!example$|sample$|template$|dist$|defaults$)[\w.-]+|id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?"
    r"|credentials\.json|client_secret[\w.-]*\.json|service[_-]account[\w.-]*\.json|\.netrc|\.pgpass|\.pypirc|\.htpasswd"
    r"|\.git-credentials|.*\.(?:p12|pfx|jks|keystore|kdbx|ppk)",
)
_KEY_FILE = re.compile(r".*\.(?:pem|key)")
_WITH_SHAPES = frozenset({Kind.PROMPT, Kind.CONFIG, Kind.RUNTIME})
_WITH_ASSIGNMENTS = frozenset({Kind.PROMPT, Kind.CONFIG})


def find_by_name(path: str) -> Finding | None:
    """Say whether a file's name alone tells that it holds a credential."""
    name = path.rpartition("/")[2]
    return Finding(path, None, "by its name it holds a credential") if _SECRET_NAME.fullmatch(name) else None


def must_look_inside(path: str, kind: Kind) -> bool:
    """Say whether a file of a component of some kind must be looked into."""
    return kind in _WITH_SHAPES or _KEY_FILE.fullmatch(path) is not None


def find_in_file(path: str, kind: Kind, data: bytes) -> list[Finding]:
    """Return what is found in the first bytes of a file, by the rules for a kind of component."""
    return find_in_text(path, data, assignments=kind in _WITH_ASSIGNMENTS)


def find_in_text(path: str, data: bytes, *, assignments: bool = False) -> list[Finding]:
    """Return what is found in the first bytes of a file; what is binary is not looked into."""
    if b"\0" in data[:_BINARY_PROBE]:
        return []
    data = data[:LONGEST_SCAN]
    found: dict[int, str] = {}
    for at, what in _candidates(data, assignments=assignments):
        found.setdefault(data.count(b"\n", 0, at) + 1, what)
        if len(found) == _MOST_IN_ONE_FILE:
            break
    return [Finding(path, line, what) for line, what in sorted(found.items())]


def refuse(findings: Sequence[Finding]) -> CredentialFound:
    """Return the error that tells all findings."""
    shown = [str(finding) for finding in findings[:_MOST_SHOWN]]
    if len(findings) > len(shown):
        shown.append(f"and {len(findings) - len(shown)} more")
    return CredentialFound(
        "\n  ".join(["these look like credentials; nothing was committed:", *shown]),
        details={"findings": [{"path": one.path, "line": one.line, "what": one.what} for one in findings]},
    )


def _candidates(data: bytes, *, assignments: bool) -> Iterator[tuple[int, str]]:
    for shape in _SHAPES:
        yield from _with_shape(data, shape)
    for at, read in _matches(data, b"://", _URL):
        if not _is_placeholder(read[1].decode("latin-1")):
            yield at, "a password in a URL"
    if assignments:
        yield from _with_shape(data, _BEARER)
        yield from _assignments(data)


def _with_shape(data: bytes, shape: _Shape) -> Iterator[tuple[int, str]]:
    for at, read in _matches(data, shape.start, shape.pattern):
        value = read[1].decode("latin-1")
        inside_a_word = at > 0 and data[at - 1 : at].isalnum() and shape.start != b"k_live_"
        if not inside_a_word and not _is_placeholder(value) and (not shape.random or _looks_random(value)):
            yield at, f"{shape.what} ({data[at : at + 4].decode('latin-1')}…)"


def _assignments(data: bytes) -> Iterator[tuple[int, str]]:
    lower = data.lower()
    for word in _SECRET_WORDS:
        for at, read in _matches(data, word, _ASSIGNED, searched=lower, skip=len(word)):
            value = (read[1] or read[2]).decode("latin-1")
            if not _is_placeholder(value) and _looks_random(value):
                yield at, f"a value of {word.decode()}"


def _matches(
    data: bytes, start: bytes, pattern: re.Pattern[bytes], *, searched: bytes | None = None, skip: int = 0
) -> Iterator[tuple[int, re.Match[bytes]]]:
    """Try a pattern where its start stands; matches do not overlap, so that no byte is looked at again and again."""
    text = data if searched is None else searched
    at = text.find(start)
    while at >= 0:
        read = pattern.match(data, at + skip)
        if read:
            yield at, read
        at = text.find(start, read.end() if read else at + 1)


def _is_placeholder(value: str) -> bool:
    return _PLACEHOLDER.search(value) is not None


def _looks_random(value: str) -> bool:
    """Say whether a text has a long run with digits and letters, and as many bits a character as random text has."""
    longest = max(_RUN.findall(value), key=len, default="")
    if len(longest) < _SHORTEST_RUN or longest.isalpha() or longest.isdigit():
        return False
    count = len(value)
    bits = -sum(times / count * math.log2(times / count) for times in Counter(value).values())
    return bits >= _LEAST_BITS
