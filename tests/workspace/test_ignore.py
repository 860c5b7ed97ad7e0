"""Ignore files: gitignore syntax, the nearest decides, and what is left out is not judged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastgood.errors import InvalidPath, InvalidWorkspace
from tests.workspace.folders import fill, walk


def test_patterns_leave_files_and_folders_out(tmp_path: Path) -> None:
    fill(tmp_path, {".lastgoodignore": "*.tmp\n!keep.tmp\nbuild/\n/c/top\n", "c/a.tmp": "", "c/keep.tmp": "", "c/d/build/x": ""})
    fill(tmp_path, {"c/top": "", "c/d/top": "", "c/build2": ""})

    assert walk(tmp_path, "c").paths == ["c/build2", "c/d/top", "c/keep.tmp"]


def test_the_nearest_file_decides(tmp_path: Path) -> None:
    fill(tmp_path, {".lastgoodignore": "*.log\n", "c/.lastgoodignore": "!a.log\n/d/*.txt\n", "c/a.log": "", "c/b.log": ""})
    fill(tmp_path, {"c/d/a.log": "", "c/d/x.txt": "", "c/e/x.txt": ""})

    assert walk(tmp_path, "c").paths == ["c/a.log", "c/d/a.log", "c/e/x.txt"]


def test_files_above_a_named_path_count(tmp_path: Path) -> None:
    fill(tmp_path, {"a/.lastgoodignore": "*.log\n", "a/b/x.log": "", "a/b/y": ""})

    assert walk(tmp_path, "a/b").paths == ["a/b/y"]


def test_a_named_file_is_taken_all_the_same(tmp_path: Path) -> None:
    fill(tmp_path, {".lastgoodignore": "*.bin\n", "c/a.bin": ""})

    assert walk(tmp_path, "c/a.bin").paths == ["c/a.bin"]


def test_a_component_that_is_left_out_altogether_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, {".lastgoodignore": "c/\n", "c/a": ""})

    with pytest.raises(InvalidWorkspace, match="c has no files") as caught:
        walk(tmp_path, "c")

    assert ".lastgoodignore" in str(caught.value.hint)


def test_what_is_left_out_is_not_judged(tmp_path: Path) -> None:
    fill(tmp_path, {".lastgoodignore": "link\nodd*\n", "c/a": "", "c/odd\nname": "", "c/ODD": "", "c/oDd": ""})
    (tmp_path / "c" / "link").symlink_to("/etc")

    with pytest.raises(InvalidPath):
        walk(tmp_path, "c")
    fill(tmp_path, {".lastgoodignore": "link\nodd*\nODD\noDd\n"})
    assert walk(tmp_path, "c").paths == ["c/a"]


def test_gitignore_is_not_consulted(tmp_path: Path) -> None:
    fill(tmp_path, {".gitignore": "*\n", "c/.gitignore": "*\n", "c/a": ""})

    assert walk(tmp_path, "c").paths == ["c/.gitignore", "c/a"]


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        (b"a\n[z-a]\n", r"\.lastgoodignore:2: '\[z-a\]' is no pattern"),
        (b"\\\n", r"\.lastgoodignore:1: .* is no pattern"),
        (b"*a" * 7, r"more than 6 '\*' in one name"),
        (b"\xff", r"\.lastgoodignore is not UTF-8"),
        (b"#" * 1_000_001, "larger than 1,000,000 bytes"),
    ],
)
def test_patterns_that_are_not_right_are_refused(tmp_path: Path, patterns: bytes, said: str) -> None:
    fill(tmp_path, {"c/.lastgoodignore": patterns, "c/a": ""})

    with pytest.raises(InvalidWorkspace, match=said):
        walk(tmp_path, "c")


def test_an_ignore_file_that_is_a_link_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, {"c/a": ""})
    (tmp_path / ".lastgoodignore").symlink_to("/etc/passwd")

    with pytest.raises(InvalidPath, match="it is a link"):
        walk(tmp_path, "c")


@settings(max_examples=50)
@given(st.binary(max_size=40))
def test_any_patterns_are_used_or_refused(tmp_path_factory: pytest.TempPathFactory, patterns: bytes) -> None:
    root = fill(tmp_path_factory.mktemp("ignore"), {".lastgoodignore": patterns, "c/a": "", "c/b/d": ""})

    try:
        found = walk(root, "c").paths
    except InvalidWorkspace:
        return
    assert set(found) <= {"c/a", "c/b/d"}


def test_the_library_is_not_imported_without_patterns(tmp_path: Path) -> None:
    fill(tmp_path, {"c/a": ""})
    program = (
        "import sys, pathlib; from tests.workspace.folders import walk; walk(pathlib.Path(sys.argv[1]), 'c'); "
        "print('pathspec' in sys.modules)"
    )

    ran = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)

    assert ran.stdout == "False\n"
