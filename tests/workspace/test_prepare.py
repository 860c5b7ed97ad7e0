"""Preparing a commit: what is read, what is asked, what is refused, and that nothing is given away before."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lastgood.errors import ChangedWhileReading, CredentialFound, InvalidPath, InvalidWorkspace, LastgoodError
from lastgood.ids import FileDigest
from lastgood.model.intake import Received
from lastgood.model.listing import FileEntry, Mode, read_listing, write_listing
from lastgood.workspace.declaration import OWN_FOLDER, Workspace
from lastgood.workspace.prepare import HashingIntake, Prepared, prepare
from lastgood.workspace.statcache import StatCache
from tests.workspace.folders import KeepingIntake, fill, one_component, workspace

STEP = 0.03
"""Seconds after which a file is old enough for the stat cache."""

SECRET = "ghp_" + "a8Kd93jfLq0Zx7vB2nM5wQ1eR6tY4uI9oP3s"


def run(
    declared: Workspace, intake: KeepingIntake | HashingIntake, known: Prepared | None = None, *, allow_secrets: bool = False
) -> Prepared:
    """Prepare as a commit does whose parent is what was prepared before."""
    digests = set() if known is None else {known.workspace_file, *(one.listing for one in known.components if one.listing)}
    return prepare(declared, intake, StatCache.load(declared.root / OWN_FOLDER), known=digests, allow_secrets=allow_secrets)


def entries(prepared: Prepared) -> list[FileEntry]:
    (component,) = prepared.components
    assert component.files is not None
    return component.files.entries()


def test_everything_is_read_and_listed_the_first_time(tmp_path: Path) -> None:
    fill(tmp_path, {"c/b": "2", "c/a/x": "", "c/run.sh": "3"})
    (tmp_path / "c" / "run.sh").chmod(0o700)
    intake = KeepingIntake()

    prepared = run(one_component(tmp_path), intake)

    expected = [
        FileEntry("c/a/x", Mode.FILE, FileDigest.of(b""), 0),
        FileEntry("c/b", Mode.FILE, FileDigest.of(b"2"), 1),
        FileEntry("c/run.sh", Mode.EXEC, FileDigest.of(b"3"), 1),
    ]
    listing = write_listing(expected)
    assert entries(prepared) == expected
    assert prepared.components[0].listing == FileDigest.of(listing)
    assert read_listing(listing) == expected
    assert intake.received == [b"", b"2", b"3", listing, one_component(tmp_path).file_bytes]
    assert prepared.workspace_file == FileDigest.of(one_component(tmp_path).file_bytes)
    assert (prepared.files, prepared.bytes_logical) == (3, 2)


def test_nothing_is_read_or_asked_when_nothing_changed(tmp_path: Path) -> None:
    fill(tmp_path, {f"c/{number}": str(number) for number in range(50)})
    time.sleep(STEP)
    intake = KeepingIntake()
    first = run(one_component(tmp_path), intake)
    assert intake.calls() > 0

    second = run(one_component(tmp_path), intake, first)

    assert second == first
    assert intake.calls() == 0


def test_only_what_changed_is_read(tmp_path: Path) -> None:
    fill(tmp_path, {"c/a": "1", "c/b": "2"})
    time.sleep(STEP)
    intake = KeepingIntake()
    first = run(one_component(tmp_path), intake)
    intake.calls()

    fill(tmp_path, {"c/b": "3"})
    second = run(one_component(tmp_path), intake, first)

    assert intake.received == [b"3", write_listing(entries(second))]
    assert intake.asked == [FileDigest.of(b"1")]
    assert [entry.digest for entry in entries(second)] == [FileDigest.of(b"1"), FileDigest.of(b"3")]


def test_a_change_of_mode_alone_is_a_change(tmp_path: Path) -> None:
    fill(tmp_path, {"c/a": "1"})
    intake = KeepingIntake()
    first = run(one_component(tmp_path), intake)

    (tmp_path / "c" / "a").chmod(0o755)
    second = run(one_component(tmp_path), intake, first)

    assert [entry.mode for entry in entries(second)] == [Mode.EXEC]
    assert second.components[0].listing != first.components[0].listing


def test_files_that_the_cache_knows_but_the_registry_does_not_are_read_again(tmp_path: Path) -> None:
    fill(tmp_path, {"c/a": "1", "c/b": "2"})
    time.sleep(STEP)
    run(one_component(tmp_path), HashingIntake())
    intake = KeepingIntake()
    intake.kept[FileDigest.of(b"1")] = b"1"

    prepared = run(one_component(tmp_path), intake)

    assert intake.asked == [FileDigest.of(b"1"), FileDigest.of(b"2")]
    assert intake.received[0] == b"2"
    assert set(intake.kept) == {
        FileDigest.of(b"1"),
        FileDigest.of(b"2"),
        prepared.workspace_file,
        prepared.components[0].listing,
    }


def test_status_and_commit_see_the_same(tmp_path: Path) -> None:
    fill(tmp_path, {"c/a": "1", "c/large": bytes(3 << 20), "c/b": ""})

    assert run(one_component(tmp_path), HashingIntake()) == run(one_component(tmp_path), KeepingIntake())


def test_an_edit_that_keeps_size_and_time_is_seen_at_once(tmp_path: Path) -> None:
    path = tmp_path / "c" / "a"
    fill(tmp_path, {"c/a": "0"})
    intake = KeepingIntake()
    for number in range(100):
        data = bytes([48 + number % 10, 48 + number // 10])
        path.write_bytes(data)
        os.utime(path, ns=(10**18, 10**18))

        (entry,) = entries(run(one_component(tmp_path), intake))

        assert entry.digest == FileDigest.of(data)


def test_components_without_files_have_no_listing(tmp_path: Path) -> None:
    declared = workspace(
        tmp_path,
        '[components.llm]\nprovider = "openai"\nmodel = "m"\n[components.lake]\nstore = "reference"\nuri = "s3://x"\nversion = "1"\n',
    )

    prepared = run(declared, KeepingIntake())

    assert [(one.declared.name, one.listing) for one in prepared.components] == [("llm", None), ("lake", None)]
    assert (prepared.files, prepared.bytes_logical) == (0, 0)


def test_components_come_in_the_order_of_the_workspace_file(tmp_path: Path) -> None:
    fill(tmp_path, {"x/a": "1", "a/a": "1"})
    declared = workspace(tmp_path, '[components.z]\nkind = "code"\npath = "x"\n[components.a]\nkind = "code"\npath = "a"\n')

    assert [one.declared.name for one in run(declared, KeepingIntake()).components] == ["z", "a"]


def test_live_folders_are_no_part_of_a_component(tmp_path: Path) -> None:
    fill(tmp_path, {"c/a": "1", "c/live/current/a": "", "c/other/current/a": ""})
    declared = workspace(tmp_path, '[components.c]\nkind = "code"\npath = "c"\n[environments.prod]\nlive = "c/live"\n')
    (tmp_path / "link").symlink_to("c")

    prepared = prepare(declared, HashingIntake(), StatCache.load(tmp_path), live_folders=[tmp_path / "link" / "other"])

    assert [entry.path for entry in entries(prepared)] == ["c/a"]


def test_progress_is_told_of_what_is_read(tmp_path: Path) -> None:
    fill(tmp_path, {"c/a": "123", "c/b": bytes(2 << 20)})
    told: list[tuple[int, int]] = []

    prepare(one_component(tmp_path), HashingIntake(), StatCache.load(tmp_path), progress=lambda files, size: told.append((files, size)))

    assert (sum(files for files, _ in told), sum(size for _, size in told)) == (2, 3 + (2 << 20))


@pytest.mark.parametrize(
    ("files", "kind", "found"),
    [
        ({"c/a.md": f"hello\n{SECRET}\n", "c/b.md": "fine", "c/d.md": f"{SECRET}"}, "prompt", ["c/a.md:2", "c/d.md:1"]),
        ({"c/a.yaml": "x: 1\npassword: a8Kd93jfLq0Zx7vB2nM5\n"}, "config", ["c/a.yaml:2"]),
        ({"c/.env": "A=1", "c/a.bin": ""}, "artifact", ["c/.env"]),
        ({"c/tls.pem": "-----BEGIN PRIVATE KEY-----\nMIIEvgIBADANBgkqhkiG\n"}, "dataset", ["c/tls.pem:1"]),
        ({"c/a.md": "fine\n" * 300_000 + SECRET}, "prompt", ["c/a.md:300001"]),
    ],
)
def test_likely_credentials_are_refused_before_a_byte_is_kept(tmp_path: Path, files: dict[str, str], kind: str, found: list[str]) -> None:
    fill(tmp_path, files)
    intake = KeepingIntake()

    with pytest.raises(CredentialFound) as caught:
        run(one_component(tmp_path, kind=kind), intake)

    assert intake.received == []
    for place in found:
        assert f"\n  {place}: " in caught.value.message
    assert caught.value.message.count("\n") == len(found)
    assert SECRET not in caught.value.message

    run(one_component(tmp_path, kind=kind), intake, allow_secrets=True)
    assert intake.received
    # What is kept already is no news, whether the stat cache knows it or not.
    for file in files:
        (tmp_path / file).touch()
    run(one_component(tmp_path, kind=kind), intake)


def test_a_credential_in_the_workspace_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CredentialFound, match=r"lastgood\.toml:2: a GitHub token"):
        run(workspace(tmp_path, f"# {SECRET}"), KeepingIntake())


def test_a_credential_is_found_although_status_read_the_file_before(tmp_path: Path) -> None:
    fill(tmp_path, {"c/a.md": SECRET})
    time.sleep(STEP)
    run(one_component(tmp_path, kind="prompt"), HashingIntake(), allow_secrets=True)
    intake = KeepingIntake()

    with pytest.raises(CredentialFound):
        run(one_component(tmp_path, kind="prompt"), intake)
    assert intake.received == []


def test_code_is_not_searched(tmp_path: Path) -> None:
    fill(tmp_path, {"c/a.py": f'TOKEN = "{SECRET}"'})

    assert run(one_component(tmp_path), KeepingIntake()).files == 1


def test_a_name_that_must_not_be_in_a_release_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    fill(tmp_path, {"a/fine": "1", "b/link": ""})
    (tmp_path / "b" / "link").unlink()
    (tmp_path / "b" / "link").symlink_to("/etc/passwd")
    declared = workspace(tmp_path, '[components.a]\nkind = "code"\npath = "a"\n[components.b]\nkind = "code"\npath = "b"\n')
    intake = KeepingIntake()

    with pytest.raises(InvalidPath):
        run(declared, intake)

    assert intake.calls() == 0


def test_an_empty_component_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()

    with pytest.raises(InvalidWorkspace, match=r"lastgood\.toml:4: components\.c\.path: c has no files"):
        run(one_component(tmp_path), KeepingIntake())


def vanish(path: Path) -> None:
    path.unlink()


def grow(path: Path) -> None:
    path.write_bytes(b"12345")


def become_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize("change", [vanish, grow, become_a_link])
def test_what_changes_between_walking_and_reading_is_named_or_read_as_it_is(tmp_path: Path, change: Callable[[Path], None]) -> None:
    fill(tmp_path, {"c/a": "1", "c/b": "1"})

    class Meddling(KeepingIntake):
        def receive_bytes(self, data: bytes, name: str | None = None) -> Received:
            if not self.kept:
                change(tmp_path / "c" / "b")
            return super().receive_bytes(data, name)

    intake = Meddling()
    if change is grow:
        # It was written before it was read: the release holds what was read, and says so.
        assert [(entry.size, intake.kept[entry.digest]) for entry in entries(run(one_component(tmp_path), intake))] == [
            (1, b"1"),
            (5, b"12345"),
        ]
    else:
        with pytest.raises(ChangedWhileReading, match="'c/b' vanished or was replaced"):
            run(one_component(tmp_path), intake)


def test_an_intake_that_fails_leaves_the_cache_as_it_was(tmp_path: Path) -> None:
    fill(tmp_path, {"c/a": "1"})
    time.sleep(STEP)
    first = run(one_component(tmp_path), KeepingIntake())
    cache = (tmp_path / OWN_FOLDER / "stat-cache").read_bytes()
    fill(tmp_path, {"c/b": bytes(2 << 20)})

    class Failing(KeepingIntake):
        def receive(self, source: BinaryIO, size: int, name: str | None = None) -> Received:
            raise LastgoodError("no")

    with pytest.raises(LastgoodError, match="no"):
        run(one_component(tmp_path), Failing(), first)

    assert (tmp_path / OWN_FOLDER / "stat-cache").read_bytes() == cache


class EditsBetweenCommits(RuleBasedStateMachine):
    """Whatever is edited between commits, a commit lists what is on disk and keeps the bytes of all of it."""

    root: Path

    @initialize()
    def begin(self) -> None:
        base = Path(os.environ["HOME"]) / "edits"
        base.mkdir(exist_ok=True)
        self.root = base / str(len(list(base.iterdir())))
        fill(self.root, {"c/first": "1"})
        self.intake = KeepingIntake()
        self.before: Prepared | None = None

    @rule(name=st.sampled_from(["a", "b", "d/a", "d/b"]), data=st.sampled_from([b"", b"1", b"2", b"22"]), keep_time=st.booleans())
    def write(self, name: str, data: bytes, keep_time: bool) -> None:
        fill(self.root, {f"c/{name}": data})
        if keep_time:
            os.utime(self.root / "c" / name, ns=(10**18, 10**18))

    @rule(name=st.sampled_from(["a", "d/a"]))
    def remove(self, name: str) -> None:
        (self.root / "c" / name).unlink(missing_ok=True)

    @rule(mode=st.sampled_from([0o644, 0o755]))
    def change_mode(self, mode: int) -> None:
        (self.root / "c" / "first").chmod(mode)

    @rule()
    def wait(self) -> None:
        time.sleep(STEP)

    @rule()
    def look(self) -> None:
        run(one_component(self.root), HashingIntake(), self.before)

    @rule()
    def forget_the_registry(self) -> None:
        self.intake = KeepingIntake()
        self.before = None

    @rule()
    def damage_the_cache(self) -> None:
        (self.root / OWN_FOLDER).mkdir(exist_ok=True)
        (self.root / OWN_FOLDER / "stat-cache").write_bytes(b"lastgood stat-cache")

    @invariant()
    def commit(self) -> None:
        if not hasattr(self, "intake"):
            return
        self.before = run(one_component(self.root), self.intake, self.before)
        on_disk = {str(path.relative_to(self.root)): path for path in (self.root / "c").rglob("*") if path.is_file()}
        listed = {entry.path: entry for entry in entries(self.before)}
        assert set(listed) == set(on_disk)
        for name, path in on_disk.items():
            assert self.intake.kept[listed[name].digest] == path.read_bytes()
            assert listed[name].mode is (Mode.EXEC if path.stat().st_mode & 0o100 else Mode.FILE)


EditsBetweenCommits.TestCase.settings = settings(max_examples=25, stateful_step_count=12)
TestEditsBetweenCommits = EditsBetweenCommits.TestCase
