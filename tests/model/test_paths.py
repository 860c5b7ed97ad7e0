"""Paths: what is accepted can be checked out anywhere without leaving the folder or meeting another file."""

from __future__ import annotations

import os
import posixpath
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lastgood.errors import InvalidPath
from lastgood.model.paths import LONGEST_PART, LONGEST_PATH, check_path, check_together, fold
from tests.model.values import effort

parts = st.text(st.characters(codec="utf-8") | st.sampled_from("./\\~\0\n éßſİ\u0301\u212a"), max_size=12)
any_path = st.lists(parts | st.sampled_from([".", "..", "", ".lastgood", "a" * 200, "é" * 100]), max_size=5).map("/".join)


def is_accepted(path: str) -> bool:
    try:
        return check_path(path) == path
    except InvalidPath:
        return False


@effort(150)
@given(any_path | st.text(max_size=20))
@example("é" * 128)
@example("a/" + "é" * 127 + "x")
def test_what_is_accepted_is_safe(path: str) -> None:
    if not is_accepted(path):
        return
    assert posixpath.normpath(path) == path, "nothing that a file system would shorten"
    assert posixpath.join("/top", path).startswith("/top/")
    assert os.path.commonpath(["/top", posixpath.normpath(posixpath.join("/top", path))]) == "/top"
    assert unicodedata.normalize("NFC", path) == path
    assert not {"\\", "\0", "\n", "\x7f", "\x85"} & set(path)
    assert len(path.encode()) <= LONGEST_PATH
    assert all(0 < len(part.encode()) <= LONGEST_PART for part in path.split("/"))
    assert not any(part.casefold() == ".lastgood" for part in path.split("/"))


@effort(30)
@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="/\\", exclude_categories=["Cc"]), min_size=1, max_size=8), min_size=1)
)
def test_what_is_harmless_is_accepted(names: list[str]) -> None:
    path = unicodedata.normalize("NFC", "/".join(f"x{name}" for name in names))
    if len(path.encode()) <= LONGEST_PATH:
        assert check_path(path) == path


def test_what_is_accepted_can_be_written_and_found_again(tmp_path: Path) -> None:
    for number, path in enumerate(
        ["a", "a b/ c", "-rf", "~root", "é/ü", "‮abc", "…", "a" * 255, "é" * 127, "..a", "a..", "...", ".git/x", "COM1"]
    ):
        assert is_accepted(path)
        target = tmp_path / str(number) / path
        target.parent.mkdir(parents=True)
        target.write_text(path)
        found = [one.relative_to(tmp_path / str(number)) for one in (tmp_path / str(number)).rglob("*") if one.is_file()]
        assert [one.as_posix() for one in found] == [path]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "empty"),
        ("/", "absolute"),
        ("/etc/passwd", "absolute"),
        ("//a", "absolute"),
        ("..", "'..' part"),
        ("../a", "'..' part"),
        ("a/../../b", "'..' part"),
        ("a/..", "'..' part"),
        (".", "empty or '.' part"),
        ("./a", "empty or '.' part"),
        ("a/./b", "empty or '.' part"),
        ("a//b", "empty or '.' part"),
        ("a/", "empty or '.' part"),
        ("a\\b", "backslash"),
        ("..\\..\\a", "backslash"),
        ("a\0b", "control character"),
        ("a\nb", "control character"),
        ("a\tb", "control character"),
        ("a\x1b[2Jb", "control character"),
        ("a\x7fb", "control character"),
        ("a\u0085b", "control character"),
        ("cafe\u0301", "NFC"),
        ("\u212a", "NFC"),
        ("\u2126", "NFC"),
        ("\udcff", "UTF-8"),
        ("a/\ud800", "UTF-8"),
        (".lastgood", "own folder"),
        (".lastgood/catalog.db", "own folder"),
        (".LastGood/x", "own folder"),
        ("sub/.lastgood/catalog.db", "own folder"),
        (".la\u017ftgood/x", "own folder"),
        ("a" * 256, "longer than 255"),
        ("b/" + "a" * 256 + "/c", "longer than 255"),
        ("é" * 128, "longer than 255"),
        ("\U0001f600" * 64, "longer than 255"),
        ("/".join(["a" * 99] * 38) + "/" + "a", "longer than 3800"),
    ],
)
def test_golden_refusals(path: str, why: str) -> None:
    with pytest.raises(InvalidPath, match=why) as caught:
        check_path(path)
    message, shown = str(caught.value), caught.value.details["path"]
    assert message.isprintable()
    assert isinstance(shown, str)
    shown.encode()


def test_the_longest_paths_are_accepted() -> None:
    for path in ("a" * 255, "é" * 127, "\U0001f600" * 63, "/".join(["a" * 99] * 38)):
        assert is_accepted(path)
        assert not is_accepted(path + "é" * 128)


COLLISIONS = {
    "the same path twice": ("a", "a"),
    "the same path twice, deep": ("x/y/a", "x/y/a"),
    "case": ("README", "readme"),
    "case in a folder": ("Data/a", "data/b"),
    "case in a folder above a folder": ("x/Data/1/a", "x/data/2/b"),
    "case beyond ASCII": ("É", "é"),
    "sharp s": ("straße", "STRASSE"),
    "sharp s and its capital": ("ß", "\u1e9e"),
    "long s": ("\u017fecret", "secret"),
    "final sigma": ("ς", "σ"),
    "ligature": ("\ufb01le", "file"),
    "Greek with an iota below": ("\u1fb3", "\u03b1\u03b9"),
    "Cherokee": ("\u13a0", "\uab70"),
    "capital I with a dot, small i with a dot": ("\u0130", "i\u0307"),
    "a file that is a folder": ("a", "a/b"),
    "a folder that is a file": ("a/b", "a"),
    "a folder that is a file, deep": ("x/a/b/c", "x/a"),
    "a folder that is a file, in another case": ("A/b", "a"),
    "a file that is a folder, in another case": ("A", "a/b"),
    "a file in place of a folder far above": ("a", "A/b/c/d"),
}

APART = {
    "one name in two folders": ("a/x", "b/x"),
    "a name that begins like a folder": ("a/x", "a.b", "a-b"),
    "the Turkish dotless i": ("i", "\u0131"),
    "the Turkish capital I with a dot": ("i", "\u0130"),
    "a letter and its accent": ("e", "é"),
    "full width": ("a", "\uff41"),
    "superscript": ("2", "\u00b2"),
    "folders of one name at two places": ("a/x/1", "x/a/1", "x/x/1"),
    "many in one folder": tuple(f"data/{number}" for number in range(100)),
}


@pytest.mark.parametrize("paths", COLLISIONS.values(), ids=COLLISIONS.keys())
@pytest.mark.parametrize("around", [(), ("0/1", "zzz")])
def test_paths_that_cannot_stand_together(paths: Sequence[str], around: Sequence[str]) -> None:
    for both in (paths, paths[::-1]):
        with pytest.raises(InvalidPath) as caught:
            check_together([*around, *both])
        assert any(repr(path) in str(caught.value) for path in paths)


@pytest.mark.parametrize("paths", APART.values(), ids=APART.keys())
def test_paths_that_stand_together(paths: Sequence[str]) -> None:
    check_together(paths)
    check_together(paths[::-1])


@effort(100)
@given(st.lists(st.lists(st.sampled_from(["a", "A", "b", "é", "É", "ß", "ss"]), min_size=1, max_size=3).map("/".join), max_size=5))
def test_together_means_that_a_folding_file_system_keeps_them_apart(paths: list[str]) -> None:
    """Compared with the plainest possible folding file system: a dictionary of every file and folder."""
    kept: dict[str, tuple[str, bool]] = {}
    fits = True
    for path in paths:
        above = path.split("/")
        for depth in range(1, len(above) + 1):
            shown, is_file = "/".join(above[:depth]), depth == len(above)
            fits = fits and kept.setdefault(fold(shown), (shown, is_file)) == (shown, is_file)
    fits = fits and len(set(paths)) == len(paths)
    try:
        check_together(paths)
    except InvalidPath:
        assert not fits
    else:
        assert fits


@effort(100)
@given(st.text(st.characters(codec="utf-8"), max_size=10))
def test_folding_is_blind_to_case_and_unicode_form(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(text)
    assert fold(text.casefold()) == fold(text)
    assert text.count("/") == fold(text).count("/")


def test_deep_paths_cost_no_more_memory_than_their_text() -> None:
    import tracemalloc

    deep = [f"{number:03d}/" + "a/" * 1_800 + "f" for number in range(20)]
    tracemalloc.start()
    check_together(deep)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # One string for every folder above a file would be 3,600 / 2 bytes for each of its two.
    assert peak < 500 * sum(map(len, deep))
