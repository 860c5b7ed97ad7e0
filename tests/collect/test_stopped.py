"""A collector that is stopped just before it deletes a pack, and a commit that wants to publish it."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from datetime import timedelta

import pytest

from lastgood.catalog.sqlite import SQLiteDatabase
from lastgood.errors import Busy, CollectedMeanwhile
from lastgood.registry.collect import collect
from lastgood.registry.embedded import CATALOG
from lastgood.registry.publish import publish
from lastgood.store.backend.local import LocalBackend
from tests.collect.desk import Desk, Writing, in_a_file
from tests.collect.series import noise


class StoppingBackend(LocalBackend):
    """Stops its process before each deletion."""

    def delete(self, name: str) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)
        super().delete(name)


def stopped_collector(desk: Desk) -> int:
    """Start a collection in a process of its own, and return once it is about to delete."""
    child = os.fork()
    if not child:
        code = 1
        try:
            database = SQLiteDatabase(desk.folder / CATALOG)
            collect(replace(desk.context, database=database, backend=StoppingBackend(desk.folder / "store")), timedelta(0))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    return child


def publish_soon(desk: Desk, writing: Writing) -> None:
    """Publish a commit, but wait for the lock only for a moment."""
    context = replace(desk.context, database=SQLiteDatabase(desk.folder / CATALOG, wait=0.2))
    try:
        publish(context, writing.draft, writing.staged, operation=context.operation(None), announce=lambda _release: None)
    finally:
        context.database.close()


@in_a_file
def test_a_commit_waits_for_a_stopped_collector_and_then_notices(desk: Desk) -> None:
    desk.context = replace(desk.context, backend=LocalBackend(desk.folder / "store"))
    desk.commit({"a.bin": noise(1)})
    late = desk.begin({"b.bin": noise(2)})
    child = stopped_collector(desk)
    try:
        with pytest.raises(Busy):
            publish_soon(desk, late)
    finally:
        os.kill(child, signal.SIGCONT)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with pytest.raises(CollectedMeanwhile):
        publish_soon(desk, late)
    desk.publish(late)
    desk.assert_verified()
