"""Releases that no commit would make, put into a registry beneath the command line, as somebody with write access could.

forge(desk, prompts=[line("../evil", b"x")])        # r2 of the desk's pipeline
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lastgood.canonical import Json, canonical_json
from lastgood.catalog import releases
from lastgood.ids import ComponentName, FileDigest, PipelineName, ReleaseId
from lastgood.machine import machine_settings
from lastgood.model.changes.releases import ReleaseCommitted
from lastgood.model.component import Component, FilesContent, Kind, Provenance, make_component
from lastgood.model.release import make_manifest
from lastgood.registry.embedded import EmbeddedRegistry, open_registry
from lastgood.registry.publish import Draft
from tests.cli.commands import Desk

PIPELINE = PipelineName("support-bot")


@contextmanager
def opened(desk: Desk) -> Iterator[EmbeddedRegistry]:
    """Open a desk's registry beneath the command line."""
    settings = machine_settings(desk.root, "mallory@example.org", None, accept_clock=False)
    registry = open_registry(desk.registry, settings)
    try:
        yield registry
    finally:
        registry.close()


def line(path: str, content: bytes, mode: str = "file", size: int | None = None) -> bytes:
    """Write one line of a listing, right in form whatever its path."""
    entry = {"mode": mode, "path": path, "sha256": str(FileDigest.of(content)), "size": len(content) if size is None else size}
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8", "surrogatepass") + b"\n"


def forge(desk: Desk, kept: Sequence[bytes] = (b"evil",), **listings: bytes) -> None:
    """Make the next release out of listings as they are, one a component, with some files kept for them."""
    with opened(desk) as registry, registry.files.intake() as intake:
        for content in kept:
            intake.receive_bytes(content)
        components = tuple(_component(name, intake.receive_bytes(listing).digest) for name, listing in listings.items())
        workspace_file = intake.receive_bytes((desk.root / "lastgood.toml").read_bytes()).digest
        draft = Draft(PIPELINE, components, workspace_file, message="trust me")
        registry.releases.publish(draft, intake.finish(), announce=lambda _: None)


def _component(name: str, listing: FileDigest) -> Component:
    return make_component(ComponentName(name), FilesContent(Kind.CODE, listing), Provenance())


def forge_manifest(desk: Desk, change: Callable[[dict[str, Any]], None]) -> None:
    """Record a release whose manifest is the latest one's, changed."""
    with opened(desk) as registry:
        context = registry.context
        with context.changing(context.operation(None)) as (session, ledger):
            latest = releases.latest_release(session, PIPELINE)
            assert latest is not None
            before = releases.release_manifest(session, latest.release)
            manifest = make_manifest(
                PIPELINE,
                before.components.values(),
                workspace_file=before.workspace_file,
                parents=(latest.release,),
                created=ledger.now,
            )
            document: dict[str, Json] = json.loads(manifest.document)
            change(document)
            release = ReleaseId.of(canonical_json(document))
            ledger.append(ReleaseCommitted(PIPELINE, release, latest.number + 1, document, ledger.text("trust me")))
