"""How the demo types commands: what they print is shown, what they take is measured, what fails is said."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lastgood.cli.demonstration.shell import Shell
from lastgood.errors import LastgoodError


@pytest.fixture
def shell(tmp_path: Path, clean_environment: Mapping[str, str]) -> Shell:
    return Shell(tmp_path, quiet=False)


def test_a_command_is_shown_with_its_output_and_its_time(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.python("-c", "import time; time.sleep(0.05); print('hello')", GREETING="a b")

    typed, printed = capsys.readouterr().out.splitlines()
    assert typed.startswith("$ GREETING='a b' python -c 'import time; ")
    assert typed.endswith(f" {shell.steps[0].seconds:.2f} s")
    assert shell.steps[0].seconds >= 0.05
    assert printed == "  hello"


def test_a_long_answer_is_cut_and_what_is_left_out_is_counted(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.lastgood("--help", first=1, last=1)

    _, first, cut, last = capsys.readouterr().out.splitlines()
    whole = subprocess.run([sys.executable, "-m", "lastgood", "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    assert (first, last) == (f"  {whole[0]}".rstrip(), f"  {whole[-1]}")
    assert cut == f"  … {len(whole) - 2} more lines"


def test_a_command_that_fails_ends_the_story(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LastgoodError, match="exit 3") as caught:
        shell.lastgood("log")

    assert "there is no registry" in caught.value.message
    assert shell.steps[0].exit == 3


def test_the_registry_of_the_person_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LASTGOOD_REGISTRY", str(tmp_path / "theirs"))

    assert "LASTGOOD_REGISTRY" not in Shell(tmp_path, quiet=True).environment


def test_on_a_terminal_a_command_has_one_too(tmp_path: Path, clean_environment: Mapping[str, str]) -> None:
    """What a program draws over on a terminal, such as a progress bar, is not shown as if it had stayed."""
    program = (
        "import shutil, sys; print(sys.stdout.isatty(), sys.stderr.isatty(), shutil.get_terminal_size().columns);"
        r"sys.stdout.write('\rhalf done\x1b[K\r\x1b[K\x1b[31mdone\x1b[0m\n')"
    )
    tell = (
        "import sys; from pathlib import Path; from lastgood.cli.demonstration.shell import Shell;"
        "Shell(Path(), quiet=False).python('-c', sys.argv[1])"
    )
    environment = {name: value for name, value in clean_environment.items() if name != "COLUMNS"}

    printed = in_a_terminal([sys.executable, "-c", tell, program], tmp_path, environment)

    assert printed.splitlines()[1:] == ["  True True 78", "  \x1b[31mdone\x1b[0m"]


def in_a_terminal(command: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    import termios

    ours, its = os.openpty()
    termios.tcsetwinsize(its, (50, 80))
    with subprocess.Popen(command, cwd=folder, env=dict(environment), stdin=its, stdout=its, stderr=its):
        os.close(its)
        printed = b""
        while part := read(ours):
            printed += part
    os.close(ours)
    return printed.decode().replace("\r\n", "\n")


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
