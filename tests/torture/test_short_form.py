"""The torture's short form: a few of each kind from a fixed seed; `make torture` is the long one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lastgood
from lastgood.cli.main import COMMANDS
from tests.parts import need
from tools.torture.commands import known_commands
from tools.torture.following import strace_works
from tools.torture.power import can_cut_power
from tools.torture.syscalls import Target, targets_of

ROOT = Path(__file__).parents[2]
PACKAGE = Path(lastgood.__file__).parents[1]


def run(script: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of the torture's in a process of its own, since it forks, and forgets its environment."""
    environment = {**os.environ, "PYTHONPATH": f"{PACKAGE}{os.pathsep}{ROOT}"}
    return subprocess.run([sys.executable, *script], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600)


def torture(folder: Path, *arguments: str) -> dict[str, Any]:
    """Torture for a while, and return what was tried; nothing may have broken."""
    report = folder / "report.json"
    done = run(["-m", "tools.torture", *arguments, "--jobs", "1", "--json", str(report)], folder)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "FAILED" not in done.stderr
    (kind,) = json.loads(report.read_text())["kinds"].values()
    assert kind["failures"] == []
    counts: dict[str, Any] = kind["counts"]
    return counts


def test_faults_in_system_calls(tmp_path: Path) -> None:
    need(strace_works(), "strace, and the right to follow processes with it (Debian: apt-get install strace)")

    counts = torture(tmp_path, "--only", "syscalls", "--faults", "30", "--seed", "1")

    assert counts["faults injected"] >= 30
    assert {"commit", "deploy", "rollback", "checkout"} <= {one.name for one in known_commands()} <= set(COMMANDS)
    assert all(counts[f"calls of {one.name}"] > 100 for one in known_commands())
    assert all(counts[f"{fault} injected"] for fault in ("KILL", "EIO", "ENOSPC"))
    # Nearly all of what is injected has to meet the project, or it shows nothing.
    assert counts.get("of them beside the project", 0) < 10


def test_power_cuts(tmp_path: Path) -> None:
    need(can_cut_power(), "the right to mount a disk of one's own (root, loop devices; Debian: apt-get install e2fsprogs)")

    counts = torture(tmp_path, "--only", "power", "--cuts", "4", "--seed", "1")

    assert counts["power cuts"] == 4
    assert counts["acknowledged: commit"] > 0


def test_a_missing_fsync_of_files_is_noticed_on_a_real_disk(tmp_path: Path) -> None:
    need(can_cut_power(), "the right to mount a disk of one's own (root, loop devices; Debian: apt-get install e2fsprogs)")

    assert torture(tmp_path, "--prove-file-fsync")["promises broken, as they have to be"] > 0


def test_power_cuts_on_a_simulated_disk(tmp_path: Path) -> None:
    need(strace_works(), "strace, and the right to follow processes with it (Debian: apt-get install strace)")

    assert torture(tmp_path, "--only", "disk", "--disk-cuts", "24", "--seed", "1")["simulated power cuts"] >= 24


def test_a_missing_fsync_of_folders_is_noticed_on_a_simulated_disk(tmp_path: Path) -> None:
    need(strace_works(), "strace, and the right to follow processes with it (Debian: apt-get install strace)")

    assert torture(tmp_path, "--prove-folder-fsync")["promises broken, as they have to be"] > 0


def test_flipped_bits(tmp_path: Path) -> None:
    counts = torture(tmp_path, "--only", "flips", "--flips", "60", "--seed", "1")

    assert counts["bits flipped in packs"] + counts["bits flipped in the catalog"] >= 60
    assert counts["detected"] > counts["bits flipped in packs"] > 5


def test_schedules(tmp_path: Path) -> None:
    counts = torture(tmp_path, "--only", "schedules", "--schedules", "6", "--seed", "1")

    assert (counts["schedules"], counts["done: commit"], counts["done: checkout"]) == (6, 12, 6)
    assert counts.get("done: gc", 0) == (6 if "gc" in COMMANDS else 0)


def test_what_has_to_be_there_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    done = run(["-m", "tools.torture", "--only", "syscalls"], tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "syscalls needs strace, and the right to follow processes with it\n"


def test_the_calls_that_touch_a_folder_are_found() -> None:
    trace = """\
10 openat(AT_FDCWD</>, "/lib/x", O_RDONLY) = 3</lib/x>
10 openat(AT_FDCWD</>, "/p/a", O_RDONLY) = 4</p/a>
10 read(4</p/a>, ""..., 3) = 3
11 openat(5</p>, "b", O_RDONLY) = 6</p/b>
10 openat(5</p>, "b", O_RDONLY) = -1 EIO (Input/output error) (INJECTED)
10 +++ exited with 0 +++
"""
    assert targets_of(trace, Path("/p")) == [Target("openat", 2), Target("read", 1), Target("openat", 1), Target("openat", 3)]


DAMAGES = {
    "a pack is gone": "next(folder.rglob('*.pack')).unlink()",
    "a pack is torn": "os.truncate(next(folder.rglob('*.pack')), 500)",
    "a release is lost": "project.releases['0' * 64] = {}",
    "a file is another one": "next(iter(project.releases.values()))['config.json'] = '0' * 64",
    "the live folder is behind": "current.unlink(); current.symlink_to('releases/' + '0' * 64)",
    "a live file is torn": "os.truncate(current.resolve() / 'config.json', 1)",
    "an orphan is left": "die_in_commit(project)",
    "a file is half written": "(folder / '.lastgood/store/incoming/1-1.tmp').write_bytes(b'half')",
}

SCRIPT = """
import json, os, random, shutil, sys
from dataclasses import replace
from pathlib import Path
from tools.torture.commands import die_in_commit
from tools.torture.oracle import garbage, live_wrongs, wrongs
from tools.torture.project import Project, warm_up

warm_up()
root, damages = Path(sys.argv[1]), json.loads(sys.argv[2])
sound = Project(root / "sound", root / "beside", random.Random(1))
sound.prepare()
sound.edit()
noticed = {}
for number, (name, damage) in enumerate({"nothing": "", **damages}.items()):
    folder = shutil.copytree(sound.folder, root / str(number), symlinks=True)
    project = replace(sound, folder=folder, releases={release: dict(files) for release, files in sound.releases.items()})
    current = folder / "run/prod/current"
    exec(damage)
    noticed[name] = [*wrongs(project, only=tuple(sound.releases)), *live_wrongs(project), *garbage(project)]
print(json.dumps(noticed))
"""


def test_what_is_looked_at_afterwards_would_be_noticed(tmp_path: Path) -> None:
    done = run(["-c", SCRIPT, str(tmp_path), json.dumps(DAMAGES)], tmp_path)

    assert done.returncode == 0, done.stderr
    noticed = json.loads(done.stdout)
    assert noticed.pop("nothing") == []
    assert [name for name in DAMAGES if not noticed[name]] == []
