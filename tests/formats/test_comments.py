"""Comments of configs: found where readers pass them over, and nowhere else."""

from __future__ import annotations

import pytest

from lastgood.formats.comments import comments_of


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("a.yaml", "# top\na: 1 # one\nb: |\n  # a heading\n  text # of it\nc: '# x' # yes\n# end\n", ["# top", "# one", "# yes", "# end"]),
        ("a.yaml", "é: ü # one\nurl: http://x#y\n", ["# one"]),
        ("a.yaml", "a: [ # one\n  1, # two\n]\n", ["# one", "# two"]),
        ("a.yaml", "a: {b: [\n# c", ["# c"]),
        ("a.yaml", "a: 'never closed # c", []),
        ("a.toml", 'a = "#1" # first\nb = """\n# no "x"\n""" # yes\nc = \'#\'\n', ["# first", "# yes"]),
        (".env", "A=1 # x\nB='# no'\n# yes\nC=a#b\n", ["# x", "# yes"]),
        ("a.ini", "; one\n[a]\nb = 1 ; no\n# two\n", ["; one", "# two"]),
        ("a.json", '{"a": "# no"}', []),
        ("a.txt", "# no", []),
        ("a.yaml", "# x\r\na: 1\r\n", ["# x"]),
    ],
)  # fmt: skip
def test_comments(path: str, text: str, found: list[str]) -> None:
    assert comments_of(path, text.encode()) == found


def test_a_large_file_and_bytes_that_are_no_text_have_none_that_are_told() -> None:
    assert comments_of("a.yaml", b"# x\n" + b"a: 1\n" * 100_000) == []
    assert comments_of("a.toml", b"\xff # x\n") == ["# x"]
