"""Where keys stand in a TOML document."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from lastgood.workspace.positions import KeyPath, key_lines

DOCUMENT = '''\
# = "no key"
a = 1 # b = 2
"c.d" = """
e = 3
[f]
"""
g.'h'."i" = [
  1, [2, "]"], # [
  { j = "}", k.l = 2024-01-01T00:00:00Z },
]
[m . n]
o = \'\'\'p = 1 \\\'\'\'
q = "\\"\\\\"
r = { s = 1.5 }
[[t]]
u = 1
[t.v]
w = 1
[[t]]
u = "#"
[t.v]
w = true
'''

LINES = {
    ("a",): 2,
    ("c.d",): 3,
    ("g",): 7,
    ("g", "h", "i", 0): 8,
    ("g", "h", "i", 1, 1): 8,
    ("g", "h", "i", 2, "j"): 9,
    ("g", "h", "i", 2, "k", "l"): 9,
    ("m",): 11,
    ("m", "n"): 11,
    ("m", "n", "o"): 12,
    ("m", "n", "q"): 13,
    ("m", "n", "r", "s"): 14,
    ("t",): 15,
    ("t", 0, "u"): 16,
    ("t", 0, "v", "w"): 18,
    ("t", 1): 19,
    ("t", 1, "u"): 20,
    ("t", 1, "v", "w"): 22,
}


def paths_of(value: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of every table, key and element of a document that was read."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, child in value.items():
            yield from paths_of(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from paths_of(child, (*path, index))


def test_each_key_has_its_line() -> None:
    lines = key_lines(DOCUMENT)

    assert {path: lines[path] for path in LINES} == LINES


def test_nothing_but_what_is_there_has_a_line() -> None:
    assert set(key_lines(DOCUMENT)) == set(paths_of(tomllib.loads(DOCUMENT)))


KEYS = st.sampled_from(["a", "b", "c1", '"d e"', "'f.g'", "a.b", 'a . "b"'])
VALUES = st.sampled_from(
    [
        "1",
        '"x"',
        '"[#\\""',
        "'='",
        '"""\n[x]\n"""',
        "'''\na = 1'''",
        "[]",
        "[1,\n2]",
        "{}",
        "{ x = 1, y = [2] }",
        "1979-05-27",
        "[[1], {z=1}]",
    ]
)
LINE = st.one_of(
    st.builds("{} = {}".format, KEYS, VALUES),
    st.builds("[{}]".format, KEYS),
    st.builds("[[{}]]".format, KEYS),
    st.sampled_from(["", "# a = 1", "  "]),
)


@given(st.lists(LINE, max_size=8))
def test_every_key_of_any_document_has_the_line_on_which_it_stands(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    written = text.split("\n")

    found = key_lines(text)

    assert set(found) == set(paths_of(data))
    for path, line in found.items():
        if isinstance(path[-1], str):
            assert path[-1] in written[line - 1]
