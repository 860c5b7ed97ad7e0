"""Telling a witness: each new checkpoint goes to a command of the user's choice, which keeps it where nobody here can change it.

The command gets the signed note on its input, after the change is durable and signed. What it does with it is its own
affair: commit it to a git repository, send it to a URL. A witness that fails stops nothing; the next change tells it again.

    tell_witness(folder, note)
"""

from __future__ import annotations

from pathlib import Path

from lastgood.errors import Unavailable
from lastgood.registry.host import read_host

SECONDS_TO_WITNESS = 60


def tell_witness(folder: Path, note: bytes) -> None:
    """Give a checkpoint to the witness of the registry in a folder, if it has one.

    Raises:
        Unavailable: the command cannot be run, fails or takes too long.
    """
    command = read_host(folder).witness
    if command is None:
        return
    import subprocess  # noqa: PLC0415 - few registries have a witness

    what = f"the change stands and is signed, but the witness {command[0]!r} was not told of it"
    try:
        ran = subprocess.run(command, input=note, capture_output=True, timeout=SECONDS_TO_WITNESS, check=False, cwd=folder.parent)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{what}: {error}") from error
    if ran.returncode != 0:
        said = ran.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["nothing was said"]
        raise Unavailable(f"{what}: exit code {ran.returncode}, {said[0][:200]}")
