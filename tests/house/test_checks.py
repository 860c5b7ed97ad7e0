"""The project's own checks notice what they are for, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.check_limits import what_is_too_big
from tools.check_tree import what_is_foreign


class TestLimits:
    """The check of sizes finds what is too big, and nothing that is not."""

    def found(self, folder: Path, text: str) -> list[str]:
        path = folder / "module.py"
        path.write_text(text)
        return list(what_is_too_big(path))

    def test_what_is_just_small_enough_passes(self, tmp_path: Path) -> None:
        function = "def f():\n" + "    x = 1\n" * 39
        methods = "class C:\n" + "".join(f"    def m{n}(self): ...\n" for n in range(10))
        rest = "    def _private(self): ...\n    def test_a_case(self): ...\n"
        lines = function + methods + rest

        assert not self.found(tmp_path, lines + "#\n" * (400 - lines.count("\n")))

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("#\n" * 401, "401 lines"),
            ("def f():\n" + "    x = 1\n" * 40, "f has 41 lines"),
            ("class C:\n    async def f():\n" + "        x = 1\n" * 40, "f has 41 lines"),
            ("class C:\n" + "".join(f"    def m{n}(self): ...\n" for n in range(11)), "C has 11 public methods"),
        ],
    )
    def test_what_is_too_big_is_named(self, tmp_path: Path, text: str, complaint: str) -> None:
        assert [complaint in line for line in self.found(tmp_path, text)] == [True]


class TestTree:
    """The check of the tree finds what belongs to one machine."""

    def found(self, folder: Path, content: bytes) -> list[str]:
        (folder / ".gitignore").write_text("/.venv/\n")
        (folder / ".venv").mkdir()
        (folder / ".venv" / "left-alone.txt").write_bytes(content)
        (folder / "page.md").write_bytes(content)
        return list(what_is_foreign(folder))

    @pytest.mark.parametrize(
        "content", [b"see the docs\n", b"uv --no-emit-index-url\n", b"a/work/b and the root/ of it\n", b"x" * 1_000_000]
    )
    def test_what_belongs_to_the_project_passes(self, tmp_path: Path, content: bytes) -> None:
        assert not self.found(tmp_path, content)

    @pytest.mark.parametrize(
        ("content", "complaint"),
        [
            (b"\n" + b"https://" + b"pypi" + b".org/project/x", "page.md:2: the address of a package index"),
            (b"--extra-index" + b"-url http://mirror", "page.md:1: the address of a package index"),
            (b"cd /" + b"work/main", "page.md:1: a path of one machine"),
            (b"cat '/" + b"root/.bashrc'", "page.md:1: a path of one machine"),
            (b"x" * 1_000_001, "page.md: 1000001 bytes"),
        ],
    )
    def test_what_belongs_to_one_machine_is_named(self, tmp_path: Path, content: bytes, complaint: str) -> None:
        assert [line.startswith(complaint) for line in self.found(tmp_path, content)] == [True]
