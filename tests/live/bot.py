"""A registry with releases of a small bot, and an environment with a live folder, made from the real parts."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from lastgood.clock import SystemClock
from lastgood.ids import ComponentName, EnvironmentName, PipelineName, RegistryId
from lastgood.live.environments import LiveEnvironments
from lastgood.live.folder import LiveFolder
from lastgood.live.followed import Followed
from lastgood.model.component import FilesContent, Kind, Provenance, make_component
from lastgood.model.history import ReleaseRecord
from lastgood.model.listing import FileEntry, Mode, write_listing
from lastgood.registry.creation import create_registry
from lastgood.registry.embedded import EmbeddedRegistry, Settings, open_registry
from lastgood.registry.publish import Draft

BOT = PipelineName("bot")
PROD = EnvironmentName("prod")
PROMPT = "prompts/system.md"
SETTINGS = Settings(clock=SystemClock(), entropy=os.urandom, zone=datetime.astimezone, actor=lambda: "ana@example.org")

FOLLOWED = Followed(RegistryId("6f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10"), BOT, PROD)

Files = Mapping[str, bytes]


def new_registry(folder: Path) -> EmbeddedRegistry:
    create_registry(folder / ".lastgood", SETTINGS, RegistryId(str(uuid.uuid4())), None)
    return open_registry(folder / ".lastgood", SETTINGS)


def opened(folder: Path) -> EmbeddedRegistry:
    return open_registry(folder / ".lastgood", SETTINGS)


def publish(registry: EmbeddedRegistry, files: Files, *, pipeline: PipelineName = BOT) -> ReleaseRecord:
    """Make a release of one component; a file whose name ends in `.sh` is executable."""
    with registry.files.intake() as intake:
        entries = [FileEntry(path, _mode(path), intake.receive_bytes(data).digest, len(data)) for path, data in files.items()]
        listing = intake.receive_bytes(write_listing(entries)).digest
        workspace_file = intake.receive_bytes(f'pipeline = "{pipeline}"\n'.encode()).digest
        component = make_component(ComponentName("prompts"), FilesContent(Kind.PROMPT, listing), Provenance())
        draft = Draft(pipeline, (component,), workspace_file, onto_latest=True)
        staged = intake.finish()
    return registry.releases.publish(draft, staged, announce=lambda _: None).release


def say(registry: EmbeddedRegistry, text: str) -> ReleaseRecord:
    """Make a release whose prompt is a text."""
    return publish(registry, {PROMPT: text.encode()})


def live(registry: EmbeddedRegistry, folder: Path) -> LiveEnvironments:
    return LiveEnvironments(registry.environments, registry, {PROD: folder}, os.urandom, wait=10)


def folder_at(root: Path, followed: Followed = FOLLOWED, *, wait: float = 0.2) -> LiveFolder:
    return LiveFolder(root, followed, os.urandom, wait=wait)


def prepare(folder: LiveFolder, registry: EmbeddedRegistry, record: ReleaseRecord) -> Path:
    """Prepare a release and return its folder."""
    folder.prepare(registry.releases.manifest(record.release), registry.files)
    return folder.root / "releases" / str(record.release)


def names(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


def leftovers(run: Path) -> set[str]:
    """What is being written in a live folder, or was when somebody was killed."""
    return names(run / ".lastgood-live" / "incoming")


def text(run: Path) -> str:
    """What the service reads."""
    return (run / "current" / PROMPT).read_text()


def number_on(registry: EmbeddedRegistry) -> int:
    """The number of the release that prod is on."""
    return registry.environments.get("prod").release.number


def prepared(run: Path, registry: EmbeddedRegistry) -> set[int]:
    """The numbers of the releases whose folders are there."""
    return {one.release.number for one in registry.releases.log() if (run / "releases" / str(one.release.release)).is_dir()}


def damage_pack(folder: Path, number: int) -> None:
    """Flip bits in a release's pack; releases of one text have one pack each, in the order of their numbers."""
    packs = sorted((folder / ".lastgood").rglob("*.pack"), key=lambda pack: pack.stat().st_mtime_ns)
    pack = packs[number - 1]
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    for at in range(8, len(data), 8):
        data[at] ^= 0xFF
    pack.write_bytes(data)


def _mode(path: str) -> Mode:
    return Mode.EXEC if path.endswith(".sh") else Mode.FILE
