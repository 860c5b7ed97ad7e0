"""Files and trees of a size that nobody prepared for: memory stays bounded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.cli.commands import Desk

MEASURED = """
import sys
sys.path.append(ROOT)
from lastgood.cli.main import main
from tests.parts import peak_kilobytes
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code
print(code, peak_kilobytes() * 1024, file=sys.stderr)
""".replace("ROOT", repr(str(Path(__file__).parents[2])))

SPARSE = 2_000_000_000
"""As many bytes as the default run can afford; 5 GB take the same memory (measured by hand, see the test)."""


def peak_of(desk: Desk, *arguments: str) -> int:
    """Run a command in a process of its own and return the largest memory it held, in bytes."""
    done = subprocess.run([sys.executable, "-c", MEASURED, *arguments], cwd=desk.root, capture_output=True, text=True, check=True)
    code, peak = done.stderr.splitlines()[-1].split()
    assert code in {"0", "None"}, done.stderr
    return int(peak)


def test_a_sparse_file_takes_little_memory_and_little_room(desk: Desk) -> None:
    # By hand with 5_000_000_000 bytes, on two busy cores: commit 26 s and 61 MB at its peak, checkout 18 s and 34 MB.
    with (desk.root / "models/sparse.bin").open("wb") as file:
        file.truncate(SPARSE)
        file.seek(SPARSE // 2)
        file.write(b"in the middle of nowhere")

    assert peak_of(desk, "commit") < 150_000_000
    assert desk.ask("show", "latest")["number"] == 2
    assert sum(path.stat().st_size for path in (desk.registry / "store").rglob("*") if path.is_file()) < 10_000_000
    assert peak_of(desk, "verify") < 150_000_000


def test_a_message_of_a_megabyte_is_cut_in_lists_only(desk: Desk) -> None:
    message = "word " * 200_000
    desk.commit("Cite nothing.", "-m", message)

    assert desk.ask("show", "latest")["message"] == message
    assert len(desk.tell("log").out) < 10_000
    assert len(desk.tell("diff", "r1", "r2").err) < 10_000


def test_a_prompt_of_one_line_of_megabytes_is_compared_shortly(desk: Desk) -> None:
    words = "Cite the policy. " * 200_000
    desk.commit(words)
    desk.commit(words.replace("policy", "law", 3))

    said = desk.tell("diff", "r2", "r3").out
    assert "law" in said
    assert len(said) < 100_000
    assert json.loads(desk.tell("diff", "r1", "r3", "--json").out)["components"][0]["change"] == "changed"


def test_many_small_files_in_one_folder(desk: Desk, tmp_path: Path) -> None:
    folder = desk.root / "models/many"
    folder.mkdir()
    for number in range(3_000):
        (folder / f"{number}.txt").write_bytes(b"%d" % (number % 7))

    assert desk.commit()["files"] == 3_003
    assert desk.ask("checkout", "latest", "out")["files"] == 3_004
    assert len(desk.tell("show", "latest").out.splitlines()) < 60
