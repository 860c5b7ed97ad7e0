"""Code: commits, files and lines, uncommitted changes; against a real git, and without one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lastgood.canonical import Json
from lastgood.compare.change import ComponentChange
from lastgood.compare.code import CodeComparer, CommitRange, Uncommitted
from lastgood.compare.components import compare_component, comparer_with
from lastgood.compare.ranking import COSMETIC
from lastgood.ids import FileDigest
from lastgood.model.code import Commit, Commits, NoCodeHistory
from lastgood.model.component import Kind, Provenance
from lastgood.workspace.code_history import GitHistory
from tests.compare.sides import NAME, Files, Kept

OLD, NEW = "1a2b3c4" + "0" * 33, "5d6e7f8" + "0" * 33
APP = "def answer():\n    return 1\n"


class Known:
    """A history that knows what it is told."""

    def __init__(self, commits: Commits | None = None, files: Mapping[str, FileDigest | None] | None = None) -> None:
        self.commits, self.files = commits, files

    def between(self, old: str, new: str) -> Commits | None:
        assert (old, new) == (OLD, NEW)
        return self.commits

    def files_of(self, commit: str, sizes: Mapping[str, int]) -> Mapping[str, FileDigest | None] | None:
        return None if self.files is None or commit != NEW else {path: self.files.get(path) for path in sizes}


def log(*subjects: str, dropped: int = 0) -> Commits:
    return Commits(tuple(Commit(NEW, "Ada", "2026-11-02T14:05:00+00:00", one) for one in subjects), len(subjects), dropped)


def compare(
    old: Files,
    new: Files,
    *,
    commits: tuple[str | None, str | None] = (None, None),
    dirty: bool | None = False,
    history: Known | GitHistory | None = None,
) -> ComponentChange:
    kept = Kept()
    sides = [kept.side(Kind.CODE, files) for files in (old, new)]
    observed: list[dict[str, Json]] = [{} if commit is None else {"git": {"commit": commit, "dirty": False}} for commit in commits]
    if commits[1] is not None:
        observed[1] = {"git": {"commit": commits[1], "dirty": dirty}}
    before, after = (replace(side, provenance=Provenance(observed=one)) for side, one in zip(sides, observed, strict=True))
    return compare_component(NAME, before, after, kept, comparer_with(history or NoCodeHistory(), ("r41", "r42")))


@dataclass(frozen=True)
class Case:
    name: str
    old: Files
    new: Files
    summary: str


CASES = (
    Case("a line", {"app.py": APP}, {"app.py": APP.replace("1", "2")}, 'app.py +1 −1: line 2: "    return 1" → "    return 2"'),
    Case("lines added", {"app.py": APP}, {"app.py": APP + "x = 1\ny = 2\n"}, 'app.py +2 −0: lines 3-4 added: "x = 1\\ny = 2"'),
    Case("lines removed", {"app.py": APP + "x = 1\n"}, {"app.py": APP}, 'app.py +0 −1: line 3 removed: "x = 1"'),
    Case(
        "several files, the most lines first",
        {"src/a.py": "1\n", "src/b.py": "1\n2\n3\n"},
        {"src/a.py": "2\n", "src/b.py": "4\n5\n6\n"},
        "2 files changed: b.py +3 −3, a.py +1 −1",
    ),
    Case(
        "many files",
        {f"f{number}.py": "1\n" for number in range(9)},
        {f"f{number}.py": "2\n" for number in range(9)},
        "9 files changed: f0.py +1 −1, f1.py +1 −1, f2.py +1 −1, f3.py +1 −1, 5 more",
    ),
    Case("a file added", {"a.py": "1"}, {"a.py": "1", "b.py": "22"}, "b.py added (2 bytes)"),
    Case("a file renamed", {"d/a.py": "1"}, {"d/b.py": "1"}, "a.py renamed to b.py"),
    Case(
        "a file changed and one added",
        {"a.py": "1\n"},
        {"a.py": "2\n", "b.py": "1\n"},
        'a.py +1 −1: line 1: "1" → "2"; b.py added (2 bytes)',
    ),
    Case("only whitespace", {"a.py": "if x:\n  y\n"}, {"a.py": "if x:\n    y\n"}, "a.py +1 −1: only whitespace changed"),
    Case(
        "no text",
        {"a.so": b"\x7fELF\x00"},
        {"a.so": b"\x7fELF\x01\x00"},
        "a.so changed (5 bytes → 6 bytes), it is binary: compared by its digest only",
    ),
    Case(
        "no UTF-8",
        {"a.py": b"# caf\xe9\n"},
        {"a.py": "# café\n"},
        "a.py changed (7 bytes → 8 bytes), it is not UTF-8: compared by its digest only",
    ),
    Case("an escape sequence", {"a.py": "a\n"}, {"a.py": "\x1b[31m\n"}, 'a.py +1 −1: line 1: "a" → "\\x1b[31m"'),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_said(case: Case) -> None:
    change = compare(case.old, case.new)
    assert change.summary == case.summary
    assert change.rank < COSMETIC


ONE = ({"app.py": APP}, {"app.py": APP.replace("1", "2")})
REST = '; app.py +1 −1: line 2: "    return 1" → "    return 2"'


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (None, "commits 1a2b3c4..5d6e7f8"),
        (log("Warmer tone"), 'commits 1a2b3c4..5d6e7f8 (1: "Warmer tone")'),
        (log("a", "b", "c", "d"), 'commits 1a2b3c4..5d6e7f8 (4: "a", "b", "c", …)'),
        (log("a", dropped=2), 'commits 1a2b3c4..5d6e7f8 (1: "a", and without 2 commits of before)'),
        (log(dropped=3), "back from 1a2b3c4 to 5d6e7f8, without 3 commits"),
        (log("\x1b[31mred"), 'commits 1a2b3c4..5d6e7f8 (1: "\\x1b[31mred")'),
    ],
)
def test_commits_are_said_first(known: Commits | None, said: str) -> None:
    assert compare(*ONE, commits=(OLD, NEW), history=Known(known)).summary == said + REST


def test_one_commit_on_both_sides_says_nothing() -> None:
    kept = Kept()
    sides = [replace(kept.side(Kind.CODE, files), provenance=Provenance(observed={"git": {"commit": NEW}})) for files in ONE]
    assert compare_component(NAME, sides[0], sides[1], kept).summary == REST[2:]


@pytest.mark.parametrize("commit", ["--output=/tmp/x", "1a2b", "", NEW.upper(), NEW + "0"])
def test_what_is_no_commit_is_passed_over(commit: str) -> None:
    assert compare(*ONE, commits=(commit, NEW), history=Known()).summary == REST[2:]


class TestUncommitted:
    def test_without_the_commit_it_is_said_that_there_was_something(self) -> None:
        change = compare(*ONE, commits=(None, NEW), dirty=True, history=Known())
        assert change.summary == "uncommitted changes went into r42" + REST
        assert change.details[0] == Uncommitted("r42", NEW, None)

    def test_with_the_commit_the_files_are_named(self) -> None:
        change = compare(*ONE, commits=(None, NEW), dirty=True, history=Known(None, {"app.py": FileDigest.of(b"committed")}))
        assert change.summary == "uncommitted changes went into r42: 1 file not as in 5d6e7f8" + REST
        assert change.details[0] == Uncommitted("r42", NEW, ("app.py",))

    def test_a_file_that_git_does_not_know_is_named_though_git_called_it_clean(self) -> None:
        change = compare({}, {"new.py": "x"}, commits=(None, NEW), dirty=False, history=Known(None, {}))
        assert change.summary.startswith("uncommitted changes went into r42: 1 file not as in 5d6e7f8")

    def test_changes_elsewhere_in_the_workspace_are_not_of_code(self) -> None:
        committed = {"app.py": FileDigest.of(APP.replace("1", "2").encode())}
        assert compare(*ONE, commits=(None, NEW), dirty=True, history=Known(None, committed)).summary == REST[2:]


def test_details_say_the_log_and_cut_it() -> None:
    change = compare(*ONE, commits=(OLD, NEW), history=Known(log(*(f"commit {number}" for number in range(30)))))
    commits = change.details[0]
    assert isinstance(commits, CommitRange)
    assert json.loads(json.dumps(commits.to_json()))["count"] == 30
    assert len(list(commits.shown())) == 14
    assert len(list(commits.shown(everything=True))) == 31


@dataclass(frozen=True)
class Repository:
    """A real git repository with two commits of a workspace in one of its folders."""

    root: Path
    old: str
    new: str

    @property
    def history(self) -> GitHistory:
        return GitHistory(self.root)


def git(folder: Path, *arguments: str) -> str:
    settings = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "mono" / "bot"
    (root / "src").mkdir(parents=True)
    git(tmp_path / "mono", "init", "-q", "-b", "main")
    commits = []
    for text, subject in ((APP, "First"), (APP.replace("1", "2"), "Answer “two”")):
        (root / "src/app.py").write_text(text)
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", subject)
        commits.append(git(root, "rev-parse", "HEAD"))
    return Repository(root, *commits)


class TestGit:
    def test_it_tells_what_lies_between(self, repository: Repository) -> None:
        found = repository.history.between(repository.old, repository.new)
        assert found is not None
        assert [(one.id, one.author, one.subject) for one in found.newer] == [(repository.new, "Ada", "Answer “two”")]
        assert (found.newer_count, found.dropped_count) == (1, 0)
        back = repository.history.between(repository.new, repository.old)
        assert back == Commits((), 0, 1)

    def test_what_it_does_not_know_is_nothing(self, repository: Repository, tmp_path: Path) -> None:
        assert repository.history.between(OLD, repository.new) is None
        assert repository.history.between("--all", repository.new) is None
        assert repository.history.files_of(OLD, {"src/app.py": 1}) is None
        assert repository.history.files_of("HEAD", {"src/app.py": 1}) is None
        assert GitHistory(tmp_path).between(repository.old, repository.new) is None
        assert GitHistory(tmp_path / "nowhere").files_of(repository.old, {}) is None

    def test_it_tells_files_by_their_digests(self, repository: Repository) -> None:
        sizes = {"src/app.py": len(APP), "src/none.py": 3}
        assert repository.history.files_of(repository.old, sizes) == {"src/app.py": FileDigest.of(APP.encode()), "src/none.py": None}

    def test_a_pointer_of_lfs_stands_for_its_bytes(self, repository: Repository) -> None:
        digest = FileDigest.of(b"weights")
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 7\n"
        (repository.root / "model.bin").write_text(pointer)
        git(repository.root, "add", "-A")
        git(repository.root, "commit", "-q", "-m", "weights")
        commit = git(repository.root, "rev-parse", "HEAD")
        assert repository.history.files_of(commit, {"model.bin": 7}) == {"model.bin": digest}
        assert repository.history.files_of(commit, {"model.bin": 8}) == {"model.bin": None}

    def test_a_comparison_says_the_subjects_and_the_patch(self, repository: Repository) -> None:
        dirty = APP.replace("1", "3")
        change = compare(
            {"src/app.py": APP}, {"src/app.py": dirty}, commits=(repository.old, repository.new), dirty=True, history=repository.history
        )
        assert change.summary == (
            f'commits {repository.old[:7]}..{repository.new[:7]} (1: "Answer “two”"); uncommitted changes went into r42: 1 file not as in '
            f'{repository.new[:7]}; app.py +1 −1: line 2: "    return 1" → "    return 3"'
        )

    def test_it_runs_nothing_that_the_repository_names(self, repository: Repository, tmp_path: Path) -> None:
        spy = tmp_path / "spy.sh"
        spy.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
        spy.chmod(0o755)
        for key in ("core.fsmonitor", "core.pager", "gpg.program", "core.sshCommand", "filter.x.smudge", "filter.x.clean", "diff.external"):
            git(repository.root, "config", key, str(spy))
        git(repository.root, "config", "log.showSignature", "true")
        git(repository.root, "config", "core.hooksPath", str(tmp_path))
        (repository.root / ".gitattributes").write_text("* filter=x diff=x\n")
        assert repository.history.between(repository.old, repository.new) is not None
        assert repository.history.files_of(repository.new, {"src/app.py": len(APP)}) is not None
        assert not (tmp_path / "ran").exists()

    def test_a_clone_without_its_objects_fetches_nothing(self, repository: Repository, tmp_path: Path) -> None:
        git(repository.root, "config", "uploadpack.allowFilter", "true")
        clone = tmp_path / "clone"
        git(tmp_path, "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{repository.root.parent}", str(clone))
        before = sorted(os.listdir(clone / ".git/objects/pack"))
        assert GitHistory(clone).files_of(repository.new, {"bot/src/app.py": len(APP)}) in (None, {"bot/src/app.py": None})
        assert sorted(os.listdir(clone / ".git/objects/pack")) == before


def test_the_labels_are_those_of_the_releases() -> None:
    assert isinstance(comparer_with(NoCodeHistory(), ("a", "b"))(Kind.CODE), CodeComparer)
    assert not isinstance(comparer_with(NoCodeHistory(), ("a", "b"))(Kind.PROMPT), CodeComparer)
