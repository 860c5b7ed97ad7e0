"""Running a suite: check the release out, run the suite's command there, take what it wrote.

Rules: the command is the one that the suite's component declares, split into words as a shell would and run without one. It
runs in a temporary checkout of the release that it judges; where the suite is from another release, its files and those of
its data stand in the place of the release's own. It gets the environment that is handed in, which has no secrets, and
`LASTGOOD_OUT`, the file to write to; where bubblewrap works it has no network, unless that is asked for. When it is over,
whatever it started is ended. A command that fails, hangs or writes nothing is an error, and nothing is recorded.

    data, runner = run_suite(registry.files, suite, (manifest, source), options)
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lastgood._version import __version__
from lastgood.canonical import JsonObject
from lastgood.errors import CommandFailed, Invalid, NotFound
from lastgood.ids import ComponentName
from lastgood.model.listing import FileEntry
from lastgood.model.release import Manifest
from lastgood.registry.checkout import FileCache, FileStreams, checkout, files_of_release
from lastgood.registry.evaluations import Suite, read_plain_file
from lastgood.registry.points import entries_of

ALLOWED = frozenset(
    "PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ TMPDIR VIRTUAL_ENV CONDA_PREFIX PYENV_ROOT LD_LIBRARY_PATH"
    " CUDA_VISIBLE_DEVICES OMP_NUM_THREADS NO_COLOR".split()
)
"""What of the environment a command sees, and `LC_*`; anything else may be a secret."""

OUT = "LASTGOOD_OUT"
_PROBE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run a command.

    Attributes:
        environment: all that it sees of the environment, but for `LASTGOOD_OUT`.
        output: the descriptor that takes what it prints.
        passed: the names of the variables that were let through on purpose, for the record.
        timeout: after how many seconds it is ended, or None.
        network: whether it may use the network.
    """

    environment: Mapping[str, str]
    output: int
    passed: tuple[str, ...] = ()
    timeout: float | None = None
    network: bool = False


def safe_environment(given: Mapping[str, str], passed: tuple[str, ...] = ()) -> dict[str, str]:
    """Return what of an environment a command may see.

    Raises:
        NotFound: a variable that is to be passed on is not set.
    """
    missing = [name for name in passed if name not in given]
    if missing:
        raise NotFound(f"the variable {missing[0]} is not set; nothing was run")
    return {name: value for name, value in given.items() if name in ALLOWED or name.startswith("LC_") or name in passed}


def run_suite(
    files: FileStreams,
    suite: Suite,
    manifests: tuple[Manifest, Manifest],
    options: RunOptions,
    cache: FileCache | None = None,
) -> tuple[bytes, JsonObject]:
    """Run a suite on a release and return the results it wrote, and how they came to be.

    Args:
        files: the bytes of the registry.
        suite: what is to judge which release.
        manifests: of the release, and of the release that the suite is from.
        options: how to run it.
        cache: whole files of this host.

    Raises:
        Invalid: the suite declares no command.
        CommandFailed: the command fails, does not end in time, or writes nothing.
        Integrity: a byte of the release is not what it should be.
    """
    words = _words(suite)
    with tempfile.TemporaryDirectory(prefix="lastgood-eval-") as made:
        folder, out = Path(made) / "release", Path(made) / "results.jsonl"
        entries = _entries(files, suite, *manifests)
        checkout(files, entries, folder, suffix="eval", sync=False, cache=cache)
        alone = [] if options.network else _without_network(options.environment)
        began = time.monotonic()
        _run([*alone, *words], folder, out, suite, options)
        seconds = time.monotonic() - began
        data = _written(out, suite)
    return data, {
        "how": "run",
        "command": suite.declared.run,
        "seconds": round(seconds, 3),
        "network": not alone,
        "variables": sorted(options.passed),
        "suite_from": str(suite.source.release),
        "lastgood": __version__,
    }


def _words(suite: Suite) -> list[str]:
    if not suite.declared.run:
        raise Invalid(f"the suite {suite.name} of {suite.source.label} declares no command", hint='write run = "…" in lastgood.toml')
    try:
        words = shlex.split(suite.declared.run)
    except ValueError as error:
        raise Invalid(f"the command of {suite.name} cannot be split into words: {error}") from error
    if not words:
        raise Invalid(f"the command of {suite.name} is empty")
    return words


def _entries(files: FileStreams, suite: Suite, manifest: Manifest, source: Manifest) -> list[FileEntry]:
    own = files_of_release(manifest, files)
    if suite.source.release == suite.release.release:
        return own
    names = [name for name in (suite.name, suite.declared.on) if name is not None]
    replaced = {entry.path for entry in _of(manifest, names, files)}
    brought = {entry.path: entry for entry in _of(source, names, files)}
    return [*(entry for entry in own if entry.path not in replaced | brought.keys()), *brought.values()]


def _of(manifest: Manifest, names: list[ComponentName], files: FileStreams) -> list[FileEntry]:
    return [entry for name in names if name in manifest.components for entry in entries_of(manifest.components[name], files)]


def _run(words: list[str], folder: Path, out: Path, suite: Suite, options: RunOptions) -> None:
    try:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env={**options.environment, OUT: str(out)},
            stdin=subprocess.DEVNULL,
            stdout=options.output,
            stderr=options.output,
            start_new_session=True,
        )
    except OSError as error:
        raise CommandFailed(f"the command of {suite.name} cannot be started: {error.strerror}; nothing was recorded") from error
    except ValueError as error:
        raise Invalid(f"the command of {suite.name} cannot be started: {error}") from error
    try:
        code = process.wait(options.timeout)
    except subprocess.TimeoutExpired:
        raise CommandFailed(
            f"the command of {suite.name} was ended, since it took more than {options.timeout:g} seconds; nothing was recorded",
            hint="--timeout with more seconds",
        ) from None
    finally:
        # It leads a session of its own, so this ends whatever it started, and itself where it is not over.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if code != 0:
        how = f"exit {code}" if code > 0 else f"signal {-code}"
        raise CommandFailed(f"the command of {suite.name} failed with {how}; nothing was recorded", details={"code": code})


def _written(out: Path, suite: Suite) -> bytes:
    if out.is_symlink():
        raise CommandFailed(f"the command of {suite.name} put a link in the place of its results; nothing was recorded")
    try:
        return read_plain_file(out)
    except NotFound as error:
        raise CommandFailed(f"the command of {suite.name} wrote nothing to the file that {OUT} names; nothing was recorded") from error


def _without_network(environment: Mapping[str, str]) -> list[str]:
    """Return the words that start a command without network, or none where this machine cannot."""
    found = shutil.which("bwrap", path=environment.get("PATH"))
    if found is None:
        return []
    alone = [found, "--dev-bind", "/", "/", "--unshare-net", "--die-with-parent", "--"]
    try:
        probed = subprocess.run([*alone, "true"], env=dict(environment), capture_output=True, timeout=_PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return alone if probed.returncode == 0 else []
