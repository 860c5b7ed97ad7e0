"""Configs read into trees: what every reader agrees on has a type, the rest stays as it is written, bounds hold."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lastgood.canonical import Json
from lastgood.errors import Invalid
from lastgood.formats.configs import LARGEST_CONFIG, ConfigFormat, config_format, read_config
from lastgood.formats.tree import Unquoted


def read(path: str, text: str) -> Json:
    return read_config(path, text.encode())


def refusal(path: str, data: str | bytes) -> Invalid:
    with pytest.raises(Invalid) as caught:
        read_config(path, data.encode() if isinstance(data, str) else data)
    return caught.value


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("config/routing.yaml", ConfigFormat.YAML),
        ("A.YML", ConfigFormat.YAML),
        ("a.b.json", ConfigFormat.JSON),
        ("pyproject.toml", ConfigFormat.TOML),
        (".env", ConfigFormat.ENV),
        ("x/.env.production", ConfigFormat.ENV),
        ("prod.env", ConfigFormat.ENV),
        ("setup.cfg", ConfigFormat.INI),
        ("a.ini", ConfigFormat.INI),
        ("yaml", None),
        ("json/readme", None),
        ("a.md", None),
        ("nginx.conf", None),
    ],
)
def test_the_name_says_the_format(path: str, expected: ConfigFormat | None) -> None:
    assert config_format(path) is expected


def test_a_name_without_format_is_refused() -> None:
    assert "no config format" in str(refusal("a.md", "a: 1"))


# ------------------------------------------------------------------------------------------------------------ YAML


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("~", None),
        ("", None),
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("-2.0e+3", -2000.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("word", "word"),
        ("1.2.3", "1.2.3"),
        ("gpt-4.1-2025-04-14", "gpt-4.1-2025-04-14"),
        ("2024-model", "2024-model"),
        ("'12'", "12"),
        ('"yes"', "yes"),
        ("'2026-11-02'", "2026-11-02"),
        ("!!str 12", "12"),
        ("!!int '12'", 12),
        ("!!float 3", 3.0),
        ("! 12", "12"),
    ],
)
def test_what_readers_agree_on_has_a_type(text: str, value: Json) -> None:
    found = read("a.yaml", f"a: {text}\n")
    assert found == {"a": value}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("yes", "NO", "On", "off", "y", "N", "012", "+012", "0o17", "0b11", "0x_1", "-0x1F", "1_000", "12:30", "1:30:00.5"),
        *("1e5", "1.5e3", "1.0e+999", "+.5", "=", "2026-11-02", "2026-11-02T14:05:00Z", "2026-11-02 14:05:00 +1"),
    ],
)
def test_what_readers_differ_on_stays_as_it_is_written(text: str) -> None:
    bare, quoted = read("a.yaml", f"[{text}, '{text}']\n") or []  # type: ignore[misc]  # a list of two
    assert bare == quoted == text
    assert type(bare) is Unquoted
    assert type(quoted) is str


@given(st.from_regex(r"\A[-+]?[0-9][0-9.eExob_:]{0,7}\Z"))
def test_a_bare_scalar_never_has_a_type_that_pyyaml_does_not_give_it(text: str) -> None:
    found = read("a.yaml", f"- {text}\n")
    assert isinstance(found, list)
    if isinstance(found[0], int | float):
        (expected,) = yaml.safe_load(f"- {text}\n")
        assert type(found[0]) is type(expected)
        assert found[0] == expected


def test_not_a_number_is_read() -> None:
    found = read("a.yaml", "a: .nan\n")
    assert isinstance(found, dict)
    assert isinstance(found["a"], float)
    assert math.isnan(found["a"])


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", None),
        ("# nothing\n", None),
        ("a: 1\nb: [1, {c: d}]\n", {"a": 1, "b": [1, {"c": "d"}]}),
        ("a: 1\n---\nb: 2\n", [{"a": 1}, {"b": 2}]),
        ("on: push\n1: a\ntrue: b\n", {"on": "push", "1": "a", "true": "b"}),
        ("a: |\n  one\n  two\nb: >-\n  one\n  two\n", {"a": "one\ntwo\n", "b": "one two"}),
        ("a: &x [1]\nb: *x\n", {"a": [1], "b": [1]}),
        ("&k a: 1\nb: *k\n", {"a": 1, "b": "a"}),
        ("? &k a\n: 1\n? *k2\n".replace("? *k2\n", ""), {"a": 1}),
        ("b: &b {x: 1, y: 2}\nc: {y: 3, <<: *b}\n", {"b": {"x": 1, "y": 2}, "c": {"x": 1, "y": 3}}),
        ("a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b]}\n", {"a": {"x": 1}, "b": {"x": 2, "y": 2}, "c": {"x": 1, "y": 2}}),
        ("c: {'<<': 1}\n", {"c": {"<<": 1}}),
        ("a: !Ref x\nb: !Sub [1]\nc: !If {d: 1}\n", {"a": {"!Ref": "x"}, "b": {"!Sub": [1]}, "c": {"!If": {"d": 1}}}),
        ("\ufeffa: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
    ],
)
def test_yaml(text: str, tree: Json) -> None:
    assert read("a.yaml", text) == tree


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{after}: &{after} [{','.join([f'*{before}'] * 10)}]\n" for before, after in zip("abcdefghi", "bcdefghij", strict=True)
)
MERGES = f"a: &a {{{','.join(f'k{n}: 1' for n in range(1000))}}}\n" + "".join(
    f"b{n}: {{<<: [{','.join(['*a'] * 500)}]}}\n" for n in range(10)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}]\n" for n in range(100))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 1\n\nb: 1\na: 2\n", "line 4: the key 'a' stands twice in one object"),
        ("1: a\n'1': b\n", "line 2: the key '1' stands twice in one object"),
        ("a: [1\nb: 2\n", "line 2: did not find expected ',' or ']'"),
        ("a: b: c\n", "line 1: mapping values are not allowed in this context"),
        ("a: 'open\n", "line 2: found unexpected end of stream"),
        ("a: \x00\n", "a character that YAML does not allow"),
        ("? [a]\n: 1\n", "line 1: a key is an object or a list, not a text"),
        ("a: &x [1]\n? *x\n: 1\n", "line 2: a key is an object or a list, not a text"),
        ("a: *b\n", "line 1: the alias 'b' has no anchor"),
        ("a: &a 1\n---\nb: *a\n", "line 3: the alias 'a' has no anchor"),
        ("a: &a [*a]\n", "line 1: the anchor 'a' holds itself"),
        ("a: {<<: 1}\n", "'<<' merges something that is no object"),
        ("a: !!python/object/apply:os.system ['id']\n", "the tag '!!python/object/apply:os.system' is not a plain value's"),
        ("a: !!python/name:os.system\n", "the tag '!!python/name:os.system' is not a plain value's"),
        ("a: !!binary aGk=\n", "the tag '!!binary' is not a plain value's"),
        ("a: !<tag:evil> x\n", "the tag 'tag:evil' is not a plain value's"),
        (LAUGHS, "line 6: it holds more than 1,000,000 values"),
        (MERGES, "it holds more than 1,000,000 values"),
        (CHAIN, "line 64: it is nested more than 64 deep"),
        # Newer versions of PyYAML refuse it by themselves, in words of their own.
        ("[" * 100_000, "nest"),
        ("- " * 1000 + "x", "it is nested more than 64 deep"),
        ("a: " + "1" * 1250, "a number has more than 4,096 bits"),
    ],
)
def test_yaml_that_is_refused(text: str, why: str) -> None:
    error = refusal("config/a.yaml", text)
    assert str(error).startswith("config/a.yaml is not valid YAML")
    assert why in str(error)
    assert error.details["path"] == "config/a.yaml"
    assert error.details["format"] == "YAML"


@pytest.mark.parametrize("text", ["1:" * 200_000 + "1", "0x" + "f" * 200_000, "1_" * 200_000, "." * 200_000, "1" * 200_000 + "x"])
def test_a_long_bare_scalar_is_a_text_and_takes_no_time(text: str) -> None:
    assert read("a.yaml", f"a: {text}\n") == {"a": text}


def test_the_deepest_tree_is_read() -> None:
    text = "[" * 64 + "]" * 64
    for path in ("a.yaml", "a.json"):
        assert json.dumps(read(path, text)) == text


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False, allow_infinity=False), st.text()),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
        max_leaves=20,
    )
)
def test_json_is_read_as_written(tree: Json) -> None:
    assert read("a.json", json.dumps(tree, ensure_ascii=False)) == tree
    assert repr(read("a.json", json.dumps(tree))) == repr(tree)


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-99, 99), st.sampled_from([0.5, -1.25]), st.text("aZé 09:#-'\"\n", max_size=8)),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text("ab:# ", max_size=4), inner, max_size=4)),
        max_leaves=20,
    )
)
def test_yaml_that_pyyaml_wrote_is_read_as_meant(tree: Json) -> None:
    # PyYAML quotes every text that it would read as something else, so nothing here is in dispute.
    assert read("a.yaml", yaml.safe_dump(tree, allow_unicode=True)) == tree


# -------------------------------------------------------------------------------------------------- JSON and TOML


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ('{"a":1,"a":2}', "a.json is not valid JSON: the key 'a' stands twice in one object"),
        ('{"a":1,\n"b":}', "a.json is not valid JSON, line 2: Expecting value"),
        ("", "line 1: Expecting value"),
        ('{"a":NaN}', "NaN is not JSON"),
        ('{"a":1e999}', "1e999 is too large a number"),
        ('{"a":' + "1" * 5000 + "}", "integer string conversion"),
        ('{"a":' + "1" * 2000 + "}", "a number has more than 4,096 bits"),
        ('{"a":"\\ud800"}', "surrogates not allowed"),
        ('{"\\ud800":1}', "surrogates not allowed"),
        ("[" * 100_000, "it is nested more than 64 deep"),
        ("[" * 65 + "]" * 65, "it is nested more than 64 deep"),
        ("[" + "0," * 1_000_000 + "0]", "it has more than 1,000,000 of the characters , [ {"),
        (b'{"a": "\xff"}', "line 1: it is not UTF-8"),
        ('{"a":1}'.encode("utf-16"), "it is not UTF-8"),
        (b" " * (LARGEST_CONFIG + 1), "it is larger than 16,777,216 bytes"),
    ],
)
def test_json_that_is_refused(data: str | bytes, why: str) -> None:
    assert why in str(refusal("a.json", data))


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    for path, text in (("a.json", '{"a":1}'), ("a.yaml", "a: 1"), ("a.toml", "a = 1")):
        assert read(path, "\ufeff" + text) == {"a": 1}
    assert read(".env", "\ufeffA=1") == {"A": "1"}


def test_toml() -> None:
    tree = read("a.toml", "a.b = 1\nd = 2026-11-02\nt = 2026-11-02T10:00:00Z\ns = '2026-11-02'\n[x]\nf = 1.0\n[[y]]\nz = true\n")
    assert tree == {
        "a": {"b": 1},
        "d": "2026-11-02",
        "t": "2026-11-02 10:00:00+00:00",
        "s": "2026-11-02",
        "x": {"f": 1.0},
        "y": [{"z": True}],
    }
    assert isinstance(tree, dict)
    assert [type(tree[key]) for key in ("d", "t", "s")] == [Unquoted, Unquoted, str]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a = 1\nb = 2\na = 3\n", "a.toml is not valid TOML, line 3: Cannot overwrite a value"),
        ("a = \n", "line 1: Invalid value"),
        ("a = [", "is not valid TOML"),
        ("a." * 100_000 + "a = 1", "a key has more than 64 parts"),
        ("x = 1\n [" + "a . " * 100_000 + "a]", "a key has more than 64 parts"),
        ('"\\"".' * 100_000 + "a = 1", "a key has more than 64 parts"),
        ("'a'." * 100_000 + "a = 1", "a key has more than 64 parts"),
        ("a = {" + "b." * 100_000 + "c = 1}", "a key has more than 64 parts"),
        ("a = " + "[" * 100_000, "it is nested more than 64 deep"),
        (".".join("a" * 40) + " = {" + ".".join("b" * 40) + " = 1}", "it is nested more than 64 deep"),
        ("a = 0x" + "f" * 5000, "a number has more than 4,096 bits"),
        ("a = [" + "1," * 1_000_000 + "]", "it has more than 1,000,000 of the characters"),
    ],
)
def test_toml_that_is_refused(text: str, why: str) -> None:
    assert why in str(refusal("a.toml", text))


# ---------------------------------------------------------------------------------------------------- .env and INI


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", {}),
        ("# c\n\nA=1\n  B = two words # c\nexport C=x#y\n", {"A": "1", "B": "two words", "C": "x#y"}),
        ("A=\nB=#c\nC=''\n", {"A": "", "B": "", "C": ""}),
        ("A='x # y' # c\nB=\"it's\"\n", {"A": "x # y", "B": "it's"}),
        ('A="two\nlines"\nB=1\n', {"A": "two\nlines", "B": "1"}),
        ("A='two\nlines'\r\nB=1\r\n", {"A": "two\nlines", "B": "1"}),
        ("A=\"$B\"\nC='$B'\nD=$B\n", {"A": '"$B"', "C": "'$B'", "D": "$B"}),
        ('A="a\\"b"\nB="a\\nb"\n', {"A": '"a\\"b"', "B": '"a\\nb"'}),
        ("A=yes\nB=0.20\n", {"A": "yes", "B": "0.20"}),
    ],
)
def test_env(text: str, tree: Json) -> None:
    assert read(".env", text) == tree


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A=1\nA=2\n", "line 2: the key 'A' stands twice"),
        ("A=1\nwhat\n", "line 2: expected KEY=VALUE"),
        ("1A=1\n", "line 1: expected KEY=VALUE"),
        ('A=1\nB="open\n' + "x\n" * 100_000, 'line 2: the quote " is not closed'),
        ("A='x' y\n", "line 1: there is more after the closing quote"),
        ("\n" * 1_000_001, "it has more than 1,000,000 lines"),
    ],
)
def test_env_that_is_refused(text: str, why: str) -> None:
    assert why in str(refusal(".env", text))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a=1\n[s]\n; c\n# c\nb: two words\n  and more\n[t]\n", {"a": "1", "s": {"b": "two words\nand more"}, "t": {}}),
        ("[s]\nurl = http://x:80/a=b\n", {"s": {"url": "http://x:80/a=b"}}),
        ("  a = 1\n", {"a": "1"}),
    ],
)
def test_ini(text: str, tree: Json) -> None:
    assert read("a.ini", text) == tree


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[a]\nb=1\n[a]\n", "line 3: the key 'a' stands twice"),
        ("[a]\nb=1\nb=2\n", "line 3: the key 'b' stands twice"),
        ("[a\n", "line 1: expected [section]"),
        ("what\n", "line 1: expected key = value"),
        ("=1\n", "line 1: expected key = value"),
        ("a" + " " * 500_000 + "b\n", "line 1: expected key = value"),
    ],
)
def test_ini_that_is_refused(text: str, why: str) -> None:
    assert why in str(refusal("a.ini", text))


def test_many_continued_lines_are_joined_once() -> None:
    tree = read("a.ini", "a = 1\n" + " x\n" * 200_000)
    assert isinstance(tree, dict)
    assert len(str(tree["a"])) == 400_001


def is_tree_or_named(path: str, data: bytes) -> bool:
    """Say whether bytes are read as a tree that can be written again, or refused by name; anything else is raised."""
    try:
        return bool(json.dumps(read_config(path, data), ensure_ascii=False).encode())
    except Invalid as error:
        return error.details["path"] == path


@given(st.binary(max_size=200), st.sampled_from(["a.yaml", "a.json", "a.toml", ".env", "a.ini"]))
def test_any_bytes_are_a_tree_or_a_named_error(data: bytes, path: str) -> None:
    assert is_tree_or_named(path, data)


@given(st.text("a1:-[]{},&*!|>'\"#?%@ \n\t<=.$\\", max_size=60), st.sampled_from(["a.yaml", "a.toml", ".env", "a.ini"]))
def test_any_signs_are_a_tree_or_a_named_error(text: str, path: str) -> None:
    assert is_tree_or_named(path, text.encode())


def test_no_parser_is_imported_before_its_format_is_met() -> None:
    program = (
        "import sys, lastgood.compare.components, lastgood.formats.configs as c\n"
        "assert not {'yaml', 'tomllib', 'lastgood.formats.yaml_tree'} & set(sys.modules), 'too early'\n"
        "c.read_config('a.toml', b'a = 1'); assert 'tomllib' in sys.modules and 'yaml' not in sys.modules\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
