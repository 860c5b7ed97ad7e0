"""`lastgood demo`: the whole story on real data, in a temporary folder."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lastgood.cli.session import Session, in_session

if TYPE_CHECKING:
    from lastgood.cli.demonstration.shell import Shell
    from lastgood.cli.demonstration.story import Told


@click.command("demo")
@click.option(
    "--folder", "named", metavar="DIR", type=click.Path(path_type=Path), help="Where: new or empty. [default: a temporary folder]"
)
@in_session
def command(session: Session, named: Path | None) -> None:
    """Tell the story of a silent regression, and of the way back.

    Everything really happens: a small text classifier is trained on the documentation of this Python's standard
    library, released, made worse by a friendly edit, judged, compared and rolled back, by the commands that are shown.
    The folder stays, so that you can go on by hand. No network is used.
    """
    from lastgood.cli.demonstration.docstrings import collect_rows  # noqa: PLC0415
    from lastgood.cli.demonstration.setting import make_warmer, prepare_folder  # noqa: PLC0415
    from lastgood.cli.demonstration.shell import Shell  # noqa: PLC0415
    from lastgood.cli.demonstration.story import Story  # noqa: PLC0415

    started = time.monotonic()
    folder = _temporary_folder() if named is None else session.folder / named
    prepare_folder(folder)
    rows = collect_rows(Path(sysconfig.get_path("stdlib")))
    shell = Shell(folder, quiet=session.output.json)
    told = Story(shell, rows, make_warmer).tell()
    seconds = time.monotonic() - started
    _say_goodbye(shell, told, seconds)
    session.output.answer(
        "demo",
        {
            "folder": str(folder),
            "rows": len(rows),
            "steps": [{**asdict(step), "seconds": round(step.seconds, 3)} for step in shell.steps],
            "accuracies": told.accuracies,
            "question": asdict(told.question),
            "seconds": round(seconds, 3),
        },
    )


def _temporary_folder() -> Path:
    import tempfile  # noqa: PLC0415

    # Resolved, since on some systems the place for temporary things is a link.
    return Path(tempfile.mkdtemp(prefix="lastgood-demo-")).resolve()


def _say_goodbye(shell: Shell, told: Told, seconds: float) -> None:
    shell.title("So")
    shell.say(
        f"A regression that no command complained about was measured, explained and undone. The rollback took "
        f"{told.rollback_seconds:.2f} s, the story {seconds:.1f} s with its {len(shell.steps)} commands, each timed as a whole process."
    )
    shell.say("Everything is still there. Go on by hand:")
    for line in _lines_to_go_on(shell.folder):
        shell.show(f"  {line}")


def _lines_to_go_on(folder: Path) -> list[str]:
    return [
        f"cd {shlex.quote(str(folder))}",
        *_way_to_the_programs(),
        "lastgood log",
        "lastgood diff r2 r3",
        "lastgood show r3",
        'lastgood mark bad r3 --why "the eval dropped"',
        "vi prompts/router.md; python -m desk.train; lastgood commit -m mine; lastgood deploy prod",
    ]


def _way_to_the_programs() -> list[str]:
    """Return what must be typed first where `lastgood` and `python` would not be the ones that told the story."""
    here = Path(sys.executable).parent
    if (here / "lastgood").is_file():
        on_path = shutil.which("lastgood")
        is_lasting = os.environ.get("VIRTUAL_ENV") == sys.prefix or sys.prefix == sys.base_prefix
        return [] if is_lasting and on_path == str(here / "lastgood") else [f'export PATH={shlex.quote(str(here))}:"$PATH"']
    executable = shlex.quote(sys.executable)
    return [f"alias python={executable} lastgood={shlex.quote(f'{executable} -m lastgood')}"]
