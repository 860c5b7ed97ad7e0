"""What a workspace remembers: base and pending, durable and whole, or an error that says how to go on."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.errors import InvalidWorkspace, NewerSchema, NotAllowed
from lastgood.ids import ReleaseId
from lastgood.workspace.file import parse_workspace
from lastgood.workspace.local import FILE_NAME, LocalState, read_state, settle, write_pending
from tests.workspace.folders import unprivileged, workspace

OLD = ReleaseId.of(b"old")
NEW = ReleaseId.of(b"new")


def state_path(root: Path) -> Path:
    return root / ".lastgood" / FILE_NAME


def test_a_new_workspace_remembers_nothing(tmp_path: Path) -> None:
    assert read_state(workspace(tmp_path, "")) == LocalState()


def test_pending_is_written_beside_the_base_and_then_becomes_it(tmp_path: Path) -> None:
    declared = workspace(tmp_path, "")

    write_pending(declared, OLD)
    assert read_state(declared) == LocalState(None, OLD)
    settle(declared, OLD)
    assert read_state(declared) == LocalState(OLD, None)
    write_pending(declared, NEW)
    assert read_state(declared) == LocalState(OLD, NEW)
    settle(declared, NEW)
    assert read_state(declared) == LocalState(NEW, None)
    assert [path.name for path in (tmp_path / ".lastgood").iterdir()] == [FILE_NAME]


def test_the_file_says_its_schema_and_pipeline(tmp_path: Path) -> None:
    settle(workspace(tmp_path, ""), OLD)

    expected = f'{{"base":"{OLD}","pending":null,"pipeline":"support-bot","schema":"lastgood.workspace/1"}}'
    assert state_path(tmp_path).read_text() == expected


def test_the_same_state_is_not_written_again(tmp_path: Path) -> None:
    declared = workspace(tmp_path, "")
    settle(declared, OLD)
    inode = state_path(tmp_path).stat().st_ino

    settle(declared, OLD)

    assert state_path(tmp_path).stat().st_ino == inode


def test_the_base_of_another_pipeline_is_none(tmp_path: Path) -> None:
    settle(workspace(tmp_path, ""), OLD)

    assert read_state(parse_workspace(b'pipeline = "other"', tmp_path)) == LocalState()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"schema":"lastgood.workspace/1"}',
        b'{"schema":"other/1","pipeline":"support-bot","base":null,"pending":null}',
        b'{"schema":"lastgood.workspace/1","pipeline":"support-bot","base":"abc","pending":null}',
        b'{"schema":"lastgood.workspace/1","pipeline":"support-bot","base":3,"pending":null}',
        b"\xff",
        b"[" * 100_000,
        b" " * 1_000_001,
    ],
)
def test_a_file_that_is_not_right_is_named_with_the_way_on(tmp_path: Path, data: bytes) -> None:
    state_path(tmp_path).parent.mkdir()
    state_path(tmp_path).write_bytes(data)

    for use in (read_state, lambda one: settle(one, OLD), lambda one: write_pending(one, OLD)):
        with pytest.raises(InvalidWorkspace, match=r"workspace\.json is not right") as caught:
            use(workspace(tmp_path, ""))
        assert str(caught.value.hint).startswith(f"rm {state_path(tmp_path)};")
    assert state_path(tmp_path).read_bytes() == data


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    root = tmp_path_factory.getbasetemp() / "local"
    state_path(root).parent.mkdir(parents=True, exist_ok=True)
    state_path(root).write_bytes(data)

    with pytest.raises(InvalidWorkspace):
        read_state(workspace(root, ""))


def test_a_newer_file_is_refused_as_newer(tmp_path: Path) -> None:
    state_path(tmp_path).parent.mkdir()
    state_path(tmp_path).write_text('{"schema":"lastgood.workspace/2"}')

    with pytest.raises(NewerSchema):
        read_state(workspace(tmp_path, ""))


def test_a_folder_that_may_not_be_written_is_named(open_path: Path) -> None:
    settle(workspace(open_path, ""), OLD)

    with unprivileged(), pytest.raises(NotAllowed, match=r"workspace\.json cannot be written"):
        write_pending(workspace(open_path, ""), NEW)

    assert read_state(workspace(open_path, "")) == LocalState(OLD, None)


def write_often(root: Path, number: int) -> None:
    for count in range(30):
        write_pending(workspace(root, ""), ReleaseId.of(f"{number} {count}".encode()))


def test_many_who_write_at_once_never_tear_the_file(tmp_path: Path) -> None:
    settle(workspace(tmp_path, ""), OLD)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_often, args=(tmp_path, number)) for number in range(3)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert read_state(workspace(tmp_path, "")).base == OLD
    for writer in writers:
        writer.join()

    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert os.listdir(tmp_path / ".lastgood") == [FILE_NAME]
