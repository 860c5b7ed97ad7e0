"""A process that deploys: `python -m tests.live.deployer ROOT RUN MOVE…`, a move being a revision, or `back` for a rollback.

It moves prod of the registry in ROOT, with the live folder RUN, and prints a line when it begins and one for each move
that it won.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lastgood.errors import NothingGood, StaleEnvironment
from tests.live.bot import live, opened


def main(root: Path, run: Path, moves: list[str]) -> None:
    environments = live(opened(root), run)
    sys.stdout.write("ready\n")
    for one in moves:
        sys.stdout.flush()
        try:
            if one == "back":
                environments.rollback("prod")
            else:
                environments.deploy("prod", one)
        except (NothingGood, StaleEnvironment):
            continue
        sys.stdout.write("moved\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
