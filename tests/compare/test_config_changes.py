"""Configs: what a person reads when keys changed, and what happens to what cannot be read as a config."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lastgood.compare.change import Change, FileChange, KeyChange, Note
from lastgood.compare.ranking import COSMETIC
from lastgood.compare.routing import RoutingChange
from lastgood.compare.text_change import TextChange
from lastgood.compare.tool_changes import ToolChange
from lastgood.model.component import Kind
from tests.compare.sides import compare_files_of, compare_one, marked

ROUTING = """# sampling
sampling:
  temperature: 0.2
  top_p: 1.0
  stop: [END, STOP]
routes:
  - name: eu
    weight: 10
  - name: us
    weight: 90
retry: {max: 3}
enabled: yes
"""
EU = "  - name: eu\n    weight: 10\n"
LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{after}: &{after} [{','.join([f'*{before}'] * 10)}]\n" for before, after in zip("abcdefghi", "bcdefghij", strict=True)
)


@dataclass(frozen=True)
class Case:
    name: str
    path: str
    old: str
    new: str
    summary: str


CASES = (
    Case(
        "temperature",
        "routing.yaml",
        ROUTING,
        ROUTING.replace("0.2", "0.9"),
        "routing.yaml: sampling.temperature: 0.2 → 0.9",
    ),
    Case(
        "sampling comes first",
        "routing.yaml",
        "a: 1\nweight: 10\nsampling:\n  top_p: 0.5\n",
        "a: 2\nweight: 30\nsampling:\n  top_p: 0.9\n",
        "routing.yaml: sampling.top_p: 0.5 → 0.9; a: 1 → 2; weight: 10 → 30",
    ),
    Case(
        "several keys",
        "routing.yaml",
        ROUTING,
        ROUTING.replace("max: 3", "max: 5, wait: 2").replace("weight: 10", "weight: 30"),
        "routing.yaml: route eu: weight 10 → 30 (share 10% → 25%); the weights add up to 120 (before: 100); "
        "retry.max: 3 → 5; retry.wait added: 2",
    ),
    Case(
        "key removed",
        "routing.yaml",
        ROUTING,
        ROUTING.replace("{max: 3}", "{}"),
        "routing.yaml: retry.max removed (was 3)",
    ),
    Case(
        "number to text",
        "routing.yaml",
        ROUTING,
        ROUTING.replace("max: 3", "max: '3'"),
        'routing.yaml: retry.max: 3 (number) → "3" (text)',
    ),
    Case(
        "whole number to fraction",
        "routing.yaml",
        ROUTING,
        ROUTING.replace("max: 3", "max: 3.0"),
        "routing.yaml: retry.max: 3 → 3.0",
    ),
    Case(
        "a word that readers differ on",
        "routing.yaml",
        ROUTING,
        ROUTING.replace("yes", "true"),
        "routing.yaml: enabled: yes (unquoted) → true (boolean)",
    ),
    Case(
        "quotes that matter",
        "routing.yaml",
        ROUTING,
        ROUTING.replace("yes", "'yes'"),
        'routing.yaml: enabled: yes (unquoted) → "yes" (text)',
    ),
    Case(
        "short list as one value",
        "routing.yaml",
        ROUTING,
        ROUTING.replace("[END, STOP]", "[END]"),
        'routing.yaml: sampling.stop: ["END", "STOP"] → ["END"]',
    ),
    Case(
        "named item added",
        "routing.yaml",
        ROUTING,
        ROUTING.replace("retry:", "  - name: asia\n    weight: 5\nretry:"),
        "routing.yaml: route asia added: weight 5 (share 4.76%); the weights add up to 105 (before: 100)",
    ),
    Case(
        "named item removed",
        "routing.yaml",
        ROUTING,
        ROUTING.replace(EU, ""),
        "routing.yaml: route eu removed: weight 10 (share 10%); the weights add up to 90 (before: 100)",
    ),
    Case(
        "named items reordered",
        "routing.yaml",
        ROUTING,
        ROUTING.replace(EU, "").replace("retry:", EU + "retry:"),
        'routing.yaml: routes reordered: ["eu", "us"] → ["us", "eu"]',
    ),
    Case(
        "an item keeps its id when its name changes",
        "a.json",
        '{"a": [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}]}',
        '{"a": [{"id": 1, "name": "z"}, {"id": 2, "name": "w"}]}',
        'a.json: a[id=1].name: "x" → "z"; a[id=2].name: "y" → "w"',
    ),
    Case(
        "tool of a provider",
        "tools.json",
        '[{"type":"function","function":{"name":"search","parameters":{"required":["q"]}}}]',
        '[{"type":"function","function":{"name":"search","parameters":{"required":["q","k"]}}}]',
        "tools.json: tool search: parameter k is now required (breaking)",
    ),
    Case(
        "message put in between",
        "chat.json",
        '{"messages":[{"role":"system","content":"a"},{"role":"user","content":"b"}]}',
        '{"messages":[{"role":"system","content":"a"},{"role":"user","content":"x"},{"role":"user","content":"b"}]}',
        'chat.json: messages[1] added: {"role": "user", "content": "x"}',
    ),
    Case(
        "keys that need quotes",
        "a.json",
        '{"a.b":{"":1,"c d":2}}',
        '{"a.b":{"":3,"c d":4}}',
        'a.json: "a.b"."": 1 → 3; "a.b"."c d": 2 → 4',
    ),
    Case("from null", "a.json", '{"seed":null}', '{"seed":7}', "a.json: seed: null → 7 (sampling)"),
    Case("another root", "a.json", "[1]", '{"a":1}', 'a.json: (the whole file): [1] (list) → {"a": 1} (object)'),
    Case(
        "a long text",
        "a.yaml",
        "system: You are a support assistant. Always cite the policy, and be polite.\n",
        "system: You are a support assistant. Never cite the policy, and be polite.\n",
        'a.yaml: system: "…a support assistant. Always cite the policy, and be polite." → '
        '"…a support assistant. Never cite the policy, and be polite."',
    ),
    Case(
        "TOML",
        "a.toml",
        "[s]\nt=1\nd=2026-01-01\n",
        '[s]\nt=2\nd="2026-01-01"\n',
        'a.toml: s.t: 1 → 2; s.d: 2026-01-01 (unquoted) → "2026-01-01" (text)',
    ),
    Case(
        ".env",
        ".env.prod",
        "A=1\nMODEL=gpt-4.1\nLLM_TEMPERATURE=0.2\n",
        "A=2\nexport MODEL='gpt-4o'\nLLM_TEMPERATURE=0.2\n",
        '.env.prod: MODEL: "gpt-4.1" → "gpt-4o"; A: "1" → "2"',
    ),
    Case("INI", "a.ini", "[a]\nb = 1\n", "[a]\nb: 2\n", 'a.ini: a.b: "1" → "2"'),
    Case("not a number stays itself", "a.yaml", "a: .nan\nb: 1\n", "a: .nan\nb: 2\n", "a.yaml: b: 1 → 2"),
    Case(
        "an anchor's change is told where it acts",
        "a.yaml",
        "base: &b {t: 1, m: 2}\nprod: {<<: *b, t: 5}\ntest: {<<: *b}\n",
        "base: &b {t: 3, m: 2}\nprod: {<<: *b, t: 5}\ntest: {<<: *b}\n",
        "a.yaml: base.t: 1 → 3; test.t: 1 → 3",
    ),
    Case("second document", "a.yaml", "a: 1\n---\nb: 2\n", "a: 1\n---\nb: 3\n", "a.yaml: [1].b: 2 → 3"),
    Case(
        "escape sequences",
        "a.json",
        '{"a":1}',
        '{"a":1,"\\u001b[2J":"\\u202e"}',
        'a.json: "\\u001b[2J" added: "\\u202e"',
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Case) -> None:
    change = compare_one(Kind.CONFIG, f"config/{case.path}", case.old, case.new)
    assert change.summary == case.summary
    assert all(isinstance(detail, KeyChange | ToolChange | RoutingChange) for detail in change.details)
    assert change.rank < COSMETIC
    assert change.summary.isprintable()


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("a.yaml", ROUTING, ROUTING.replace("# sampling", "# more"), "only comments or layout changed"),
        ("a.yaml", ROUTING, ROUTING.replace("{max: 3}", "\n    max: 3"), "only comments or layout changed"),
        ("a.yaml", ROUTING, ROUTING.replace("\n", "\r\n"), "only comments or layout changed"),
        ("a.json", '{"a":1}', '\ufeff{"a": 1}', "only comments or layout changed"),
        ("a.json", '{"a":1,"b":2}', '{"b":2,"a":1}', "only key order, comments or layout changed"),
        ("a.json", '[{"a":1,"b":2}]', '[{"b":2,"a":1}]', "only key order, comments or layout changed"),
    ],
)
def test_values_that_are_all_the_same_are_named_as_such(path: str, old: str, new: str, said: str) -> None:
    change = compare_one(Kind.CONFIG, path, old, new)
    assert (change.summary, change.change) == (f"{path}: {said}", Change.CHANGED)
    assert change.details == (Note(path, said),)
    assert change.rank >= COSMETIC


@pytest.mark.parametrize(
    ("path", "new", "why"),
    [
        ("a.yaml", ROUTING.replace("sampling:\n", "sampling: [\n"), "is not valid YAML, line 4: did not find expected ',' or ']'"),
        ("a.yaml", LAUGHS, "it holds more than 1,000,000 values"),
        ("a.yaml", "{a: " * 100 + "1" + "}" * 100, "it is nested more than 64 deep"),
        ("a.yaml", "a: !!python/object/apply:os.system [id]\n", "the tag '!!python/object/apply:os.system'"),
        ("a.yaml", ROUTING + "retry: 1\n", "line 13: the key 'retry' stands twice in one object"),
        ("a.json", '{"a":1,"a":2}', "is not valid JSON: the key 'a' stands twice in one object"),
        ("a.toml", "a = 1\na = 2\n", "is not valid TOML, line 2: Cannot overwrite a value"),
        (".env", "what is this\n", "is not valid .env, line 1: expected KEY=VALUE"),
    ],
)
def test_what_cannot_be_read_is_compared_as_text_and_says_so(path: str, new: str, why: str) -> None:
    old = {"a.yaml": ROUTING, "a.json": '{"a": 1}', "a.toml": "a = 1\n", ".env": "A=1\n"}[path]
    for before, after, side in ((old, new, "new"), (new, old, "old")):
        change = compare_one(Kind.CONFIG, path, before, after)
        note, text = change.details
        assert isinstance(note, Note)
        assert note.text.startswith(f"the {side} file is not valid")
        assert why in note.text
        assert note.text.endswith("compared as text")
        assert isinstance(text, TextChange)
        assert text.lines
        assert change.summary.startswith(f"{path}: {note.text}; ")
        assert change.rank < COSMETIC


def test_what_is_neither_config_nor_text_is_told_by_its_digest() -> None:
    change = compare_one(Kind.CONFIG, "a.yaml", ROUTING, b"\x00\xff")
    assert change.summary == "a.yaml changed (166 bytes → 2 bytes), it is binary: compared by its digest only"
    assert [type(detail) for detail in change.details] == [FileChange, Note]


def test_a_file_without_a_config_format_is_compared_as_text() -> None:
    change = compare_one(Kind.CONFIG, "nginx.conf", "listen 80;\n", "listen 8080;\n")
    assert change.summary == 'nginx.conf: line 1: "listen 80;" → "listen 8080;"'
    # Nobody knows whether whitespace means something there.
    assert compare_one(Kind.CONFIG, "nginx.conf", "a b;", "a  b;").rank < COSMETIC


def test_a_long_text_is_cut_into_words() -> None:
    old = '{"system": "You are a support assistant. Always cite the policy."}'
    (detail,) = compare_one(Kind.CONFIG, "a.json", old, old.replace("Always", "Never")).details
    assert isinstance(detail, KeyChange)
    assert marked(detail.segments) == "You are a support assistant. [-Always-]{+Never+} cite the policy."


def test_a_text_of_five_megabytes_is_compared() -> None:
    change = compare_one(Kind.CONFIG, "a.json", f'{{"a":"{"x" * 5_000_000}"}}', f'{{"a":"{"x" * 5_000_000}y"}}')
    assert change.summary == 'a.json: a: "…xxxxxxxxxxxxxxxxxxxxxxxx" → "…xxxxxxxxxxxxxxxxxxxxxxxxy"'


def test_sampling_comes_first_across_files() -> None:
    change = compare_files_of(
        Kind.CONFIG,
        {"config/a.yaml": "x: 1\n", "config/b.yaml": "y: 1\nmaxTokens: 10\n"},
        {"config/a.yaml": "x: 2\n", "config/b.yaml": "y: 2\nmaxTokens: 20\n"},
    )
    assert change.summary == "b.yaml: maxTokens: 10 → 20 (sampling); a.yaml: x: 1 → 2; b.yaml: y: 1 → 2"


def test_values_that_json_has_no_number_for_become_texts() -> None:
    (detail,) = compare_one(Kind.CONFIG, "a.yaml", "a: .inf\n", f"a: {2**70}\n").details
    assert detail.to_json()["old"] == "inf"
    assert detail.to_json()["new"] == str(2**70)
    assert (detail.to_json()["old_type"], detail.to_json()["new_type"]) == ("number", "number")
