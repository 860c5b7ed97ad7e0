"""Walking: what is found, in which order, and what is refused before anything is read."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastgood.errors import InvalidPath, InvalidWorkspace, NotAllowed
from lastgood.model.paths import LONGEST_PATH
from tests.parts import need
from tests.workspace.folders import AT, fill, unprivileged, walk


def test_files_come_in_the_order_of_their_paths_bytes(tmp_path: Path) -> None:
    names = ["c/a/z", "c/a.txt", "c/a-b", "c/a/b/c", "c/a/b.c", "c/B", "c/é", "c/z/y/x", "c/zz"]
    fill(tmp_path, dict.fromkeys(names, "x"))

    assert walk(tmp_path, "c").paths == sorted(names, key=str.encode)


@settings(max_examples=40)
@given(st.lists(st.lists(st.sampled_from(["a", "a.", "a-", "a0", "b", "é", "ﬀ", "😀"]), min_size=1, max_size=4), max_size=8))
def test_the_order_is_that_of_a_listing(tmp_path_factory: pytest.TempPathFactory, trees: list[list[str]]) -> None:
    root = tmp_path_factory.mktemp("walk")
    for parts in trees:
        folder = root.joinpath("c", *parts)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "leaf").touch()
    (root / "c").mkdir(exist_ok=True)
    (root / "c" / "leaf").touch()

    paths = walk(root, "c").paths

    assert paths == sorted(paths, key=str.encode)
    assert set(paths) == {str(found.relative_to(root)) for found in root.rglob("leaf")}


def test_the_columns_are_the_stats(tmp_path: Path) -> None:
    fill(tmp_path, {"c/a": "12345", "c/b": ""})
    (tmp_path / "c" / "b").chmod(0o755)
    os.utime(tmp_path / "c" / "a", ns=(1, -5))

    found = walk(tmp_path, "c")

    looked = [os.stat(tmp_path / path) for path in found.paths]
    assert list(found.sizes) == [5, 0]
    assert [mode & 0o777 for mode in found.modes] == [looked[0].st_mode & 0o777, 0o755]
    assert found.mtimes[0] == 2**64 - 5
    assert list(found.ctimes) == [one.st_ctime_ns for one in looked]
    assert list(found.inodes) == [one.st_ino for one in looked]


def test_files_and_folders_can_be_named_together(tmp_path: Path) -> None:
    fill(tmp_path, {"b/x": "", "a.txt": "", "b/y/z": "", "other": ""})

    assert walk(tmp_path, "b", "a.txt").paths == ["a.txt", "b/x", "b/y/z"]


def test_bookkeeping_of_programs_is_passed_over(tmp_path: Path) -> None:
    kept = {"c/a": "", "c/.hidden": "", "c/d/.gitignore": ""}
    fill(tmp_path, kept | {"c/.git/HEAD": "", "c/d/__pycache__/x.pyc": "", "c/.lastgood/x": "", "c/.DS_Store": ""})

    assert walk(tmp_path, "c").paths == sorted(kept)


def test_live_folders_are_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, {"c/a": "", "c/live/releases/1/a": ""})
    (tmp_path / "c" / "live" / "current").symlink_to("releases/1")

    assert walk(tmp_path, "c", skipped=frozenset({"c/live"})).paths == ["c/a"]
    with pytest.raises(InvalidWorkspace, match="c/live/releases lies in the live folder c/live"):
        walk(tmp_path, "c/live/releases", skipped=frozenset({"c/live"}))


def test_empty_folders_leave_no_trace(tmp_path: Path) -> None:
    fill(tmp_path, {"c/a": ""})
    (tmp_path / "c" / "empty" / "deeper").mkdir(parents=True)

    assert walk(tmp_path, "c").paths == ["c/a"]


def test_a_component_without_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c" / "empty").mkdir(parents=True)

    with pytest.raises(InvalidWorkspace, match=f"{AT}: c has no files"):
        walk(tmp_path, "c")


@pytest.mark.parametrize("path", ["d", "c/d", "a.txt/d", "*.txt"])
def test_a_path_that_is_not_there_is_refused_with_its_line(tmp_path: Path, path: str) -> None:
    fill(tmp_path, {"c/a": "", "a.txt": ""})

    with pytest.raises(InvalidWorkspace) as caught:
        walk(tmp_path, path)

    assert caught.value.message.startswith(f"{AT}: {path} does not exist")
    assert (caught.value.hint is not None) == ("*" in path)


@pytest.mark.parametrize(
    ("link", "target", "said"),
    [
        ("c/out", "/etc/passwd", "it is a link to '/etc/passwd' outside the workspace"),
        ("c/up", "../../secret", "outside the workspace"),
        ("c/in", "a", "it is a link to 'a', and links are not followed"),
        ("c/gone", "nothing", "it is a link to 'nothing',"),
        ("c/folder", "../d", "it is a link to '../d',"),
    ],
)
def test_links_are_refused_wherever_they_point(tmp_path: Path, link: str, target: str, said: str) -> None:
    fill(tmp_path, {"c/a": "", "d/b": ""})
    (tmp_path / link).symlink_to(target)

    for named in ("c", link):
        with pytest.raises(InvalidPath) as caught:
            walk(tmp_path, named)
        assert f"'{link}' must not be in a release" in caught.value.message
        assert said in caught.value.message


def test_a_link_on_the_way_to_a_named_path_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, {"real/inner/a": ""})
    (tmp_path / "c").symlink_to("real")

    with pytest.raises(InvalidPath, match="'c' must not be in a release: it is a link to 'real'"):
        walk(tmp_path, "c/inner")


def test_fifos_and_sockets_are_refused_without_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c").mkdir()
    os.mkfifo(tmp_path / "c" / "pipe")
    with pytest.raises(InvalidPath, match="'c/pipe' must not be in a release: it is a FIFO"):
        walk(tmp_path, "c")
    (tmp_path / "c" / "pipe").unlink()

    # A socket's path may not be long, so it is bound from its own folder.
    monkeypatch.chdir(tmp_path / "c")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("sock")
        with pytest.raises(InvalidPath, match="'c/sock' must not be in a release: it is a socket"):
            walk(tmp_path, "c")


def test_devices_are_refused(tmp_path: Path) -> None:
    need(os.geteuid() == 0, "the right to make a device (root)")
    (tmp_path / "c").mkdir()
    os.mknod(tmp_path / "c" / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))

    with pytest.raises(InvalidPath, match="'c/null' must not be in a release: it is a device"):
        walk(tmp_path, "c")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (b"a\nb", "it has a control character"),
        (b"a\x7fb", "it has a control character"),
        (b"a\xc2\x85b", "it has a control character"),
        (b"a\\b", "it has a backslash"),
        (b"a\xff", "its name is not UTF-8"),
        ("e\u0301".encode(), "its name is not in Unicode's NFC form"),
    ],
)
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_names_that_must_not_be_in_a_release_are_refused(tmp_path: Path, name: bytes, said: str, kind: str) -> None:
    fill(tmp_path, {"c/fine": ""})
    path = os.path.join(os.fsencode(tmp_path), b"c", name)
    if kind == "folder":
        os.mkdir(path)
    else:
        os.close(os.open(path, os.O_CREAT))

    with pytest.raises(InvalidPath) as caught:
        walk(tmp_path, "c")

    assert said in caught.value.message
    caught.value.message.encode()


@pytest.mark.parametrize(
    "names",
    [("a/README", "a/readme"), ("a/x", "A/y"), ("Straße", "STRASSE"), ("é", "É"), ("a", "A/b"), ("ﬁ", "fi")],
)
def test_names_that_some_file_systems_fold_together_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    fill(tmp_path, {f"c/{name}": "" for name in names})
    need(len(list((tmp_path / "c").rglob("*"))) >= len(names), "a file system that tells such names apart")

    with pytest.raises(InvalidPath, match=r"on some file systems|needs a folder"):
        walk(tmp_path, "c")


def make_deep(root: Path, part: str, length: int) -> str:
    """Make a file at the end of a chain of folders, its path so many bytes long, and return the path."""
    here = os.open(root, os.O_RDONLY)
    path = ""
    for name in ["c", *([part] * (length // (len(part) + 1)))]:
        if len(path) + len(name) + 2 > length:
            break
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
        path += f"{name}/"
    name = "x" * (length - len(path))
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    return path + name


@pytest.fixture
def deep_path() -> Iterator[Path]:
    """A folder for trees that are deeper than Python's own way to remove them can go."""
    memory = Path("/dev/shm")  # noqa: S108  # only for speed: what is made in it has a random name
    name = tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None)
    yield Path(name)
    subprocess.run(["rm", "-rf", name], check=True)


@pytest.mark.parametrize("part", ["d", "d" * 200])
def test_paths_may_be_as_long_as_a_release_allows(deep_path: Path, part: str) -> None:
    root = deep_path / ("r" * 200) / ("s" * 200)
    root.mkdir(parents=True)

    path = make_deep(root, part, LONGEST_PATH)

    assert len(str(root)) + len(path) > 4_096
    assert walk(root, "c").paths == [path]


@pytest.mark.parametrize("part", ["d", "d" * 200])
def test_longer_paths_are_refused(deep_path: Path, part: str) -> None:
    make_deep(deep_path, part, LONGEST_PATH + 1)

    with pytest.raises(InvalidPath, match="it is longer than 3800 bytes"):
        walk(deep_path, "c")


def test_what_may_not_be_read_is_named(open_path: Path) -> None:
    fill(open_path, {"c/closed/a": "", "d/a": ""})
    (open_path / "c" / "closed").chmod(0)
    (open_path / "d").chmod(0o444)

    with unprivileged():
        with pytest.raises(NotAllowed, match="'c/closed' may not be read"):
            walk(open_path, "c")
        with pytest.raises(NotAllowed, match="'d/a' may not be read"):
            walk(open_path, "d")
