"""A few threads that share the work on the chunks of one window: encoding and decoding let the interpreter go on.

They wait between the calls, as daemons. Whoever calls takes part in the work, so it is done even where no other thread is
left, as in a process that was forked.

    >>> WORKERS.run([lambda: 1, lambda: 2, lambda: 3])
    [1, 2, 3]
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")

MOST = 4
"""More threads than this would take more memory than they save time."""


def useful() -> int:
    """Return how many threads are worth having on this machine."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count, MOST)


class Workers:
    """Runs jobs in the calling thread and some others; threads may share it.

    Args:
        count: how many threads there are with the calling one.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._tasks: SimpleQueue[_Task[object]] = SimpleQueue()
        self._started = 0

    def run(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """Return what the jobs return, in their order; the first error of them in that order is raised, after all have ended."""
        task: _Task[T] = _Task(jobs)
        helpers = min(self._count, len(jobs)) - 1
        while self._started < helpers:
            # Daemons, so that a process which dies of something else does not wait for them.
            threading.Thread(target=self._help, name="lastgood-worker", daemon=True).start()
            self._started += 1
        for _ in range(helpers):
            self._tasks.put(task)  # type: ignore[arg-type]  # a worker looks at no result
        task.take_part()
        return task.results()

    def _help(self) -> None:
        while True:
            self._tasks.get().take_part()


class _Task(Generic[T]):
    """Jobs that threads take from until none is left."""

    def __init__(self, jobs: Sequence[Callable[[], T]]) -> None:
        self._waiting = iter(enumerate(jobs))
        self._taking = threading.Lock()
        self._done: dict[int, T] = {}
        self._failed: dict[int, BaseException] = {}
        self._left = len(jobs)
        self._ended = threading.Event()

    def take_part(self) -> None:
        while True:
            with self._taking:
                number, job = next(self._waiting, (-1, None))
            if job is None:
                return
            try:
                self._done[number] = job()
            except BaseException as error:  # noqa: BLE001  # `results` raises it where the caller can see it
                self._failed[number] = error
            with self._taking:
                self._left -= 1
                if not self._left:
                    self._ended.set()

    def results(self) -> list[T]:
        if self._done or self._failed or self._left:
            self._ended.wait()
        if self._failed:
            raise self._failed[min(self._failed)]
        return [self._done[number] for number in range(len(self._done))]


WORKERS = Workers(useful())
"""The ones that this process has."""
