"""Torture: `python -m tools.torture [--faults N] [--cuts N] [--flips N] [--schedules N] [--seed N] [--only KIND] [--json FILE]`.

Tries to make lastgood lose something that it acknowledged, serve a wrong byte, collect what is alive, or leave garbage:

- `syscalls`: kills and errors in every system call of the commands that write (`tools/torture/syscalls.py`);

Prints what was tried and exits with 1 if a promise was broken. docs/torture.md tells more.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tools.torture.syscalls import torture_system_calls
from tools.torture.tally import Tally, spread


def _system_calls(options: argparse.Namespace, folder: Path) -> Tally:
    shards = max(options.jobs, options.faults // 400)
    work = partial(_system_call_shard, folder, options.faults, options.seed, shards)
    return spread(work, shards, options.jobs)


def _system_call_shard(folder: Path, faults: int, seed: int, shards: int, shard: int) -> Tally:
    return torture_system_calls(folder, faults=faults, seed=seed, shard=shard, shards=shards)


KINDS = {"syscalls": _system_calls}


def main(arguments: list[str]) -> int:
    """Try what is asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=10_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--only", choices=KINDS, action="append")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    report = {}
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="torture-", ignore_cleanup_errors=True) as folder:
        for kind in options.only or KINDS:
            began = time.monotonic()
            tally = KINDS[kind](options, Path(folder))
            report[kind] = {"seconds": round(time.monotonic() - began, 1), "counts": dict(tally.counts), "failures": tally.failures}
    print(json.dumps(report, indent=2))
    return 1 if any(one["failures"] for one in report.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
