"""What was tried and what came of it: counters that add up over processes, and the failures in words.

>>> tally = Tally()
>>> tally.count("faults injected")
>>> tally.add(Tally({"faults injected": 2}, ["commit was acknowledged and is lost"]))
>>> tally.counts["faults injected"], len(tally.failures)
(3, 1)
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


class Tally:
    """Counters and failures of a part of the torture."""

    def __init__(self, counts: dict[str, int] | None = None, failures: Sequence[str] = (), *, is_quiet: bool = False) -> None:
        """Begin with nothing, or with what is given; a quiet one does not say failures aloud."""
        self._is_quiet = is_quiet
        self.counts: Counter[str] = Counter(counts or {})
        self.failures: list[str] = list(failures)

    def count(self, what: str, times: int = 1) -> None:
        """Count something."""
        self.counts[what] += times

    def fail(self, what: str) -> None:
        """Note a broken promise, and say it at once: a long run should not have to end for it to be seen."""
        self.failures.append(what)
        if not self._is_quiet:
            print(f"FAILED: {what}", file=sys.stderr, flush=True)

    def add(self, other: Tally) -> None:
        """Add up."""
        self.counts.update(other.counts)
        self.failures += other.failures


def spread(work: Callable[[int], Tally], shards: int, jobs: int) -> Tally:
    """Do shards of some work in processes of their own, and add up what came of them.

    Args:
        work: does the shard of that number; it is handed to another process.
        shards: how many there are.
        jobs: how many processes run at once.
    """
    total = Tally()
    began = time.monotonic()
    # Forked, since each worker is then as warm as this process; no thread runs in it.
    with ProcessPoolExecutor(max_workers=jobs, mp_context=get_context("fork")) as pool:
        for number, one in enumerate(pool.map(work, range(shards)), start=1):
            total.add(one)
            seconds = time.monotonic() - began
            print(f"{number} of {shards} parts after {seconds:.0f} s, {len(total.failures)} failures", file=sys.stderr, flush=True)
    return total
