"""What a backup holds: a catalog as it was at one moment, and the packs that it knows.

manifest.json            {"schema": "lastgood.backup/1", "registry": UUID, "events": how many, "members": […]}
catalog.db               its sha256 in the manifest
store/packs/ab/….pack    its blake3, which is its name
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lastgood.canonical import canonical_json
from lastgood.errors import InvalidManifest
from lastgood.ids import PackId, RegistryId
from lastgood.model.fields import Fields
from lastgood.registry.archive import Member
from lastgood.store.pack import pack_name

CATALOG_MEMBER = "catalog.db"
STORE = "store/"
SCHEMA = "lastgood.backup/1"

_HEX = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class BackupContents:
    """What the manifest of a backup says: whose it is, how long its history is, and what follows."""

    registry: RegistryId
    events: int
    members: Sequence[Member]

    def document(self) -> bytes:
        """Write the manifest."""
        members = [member.as_json() for member in self.members]
        return canonical_json({"schema": SCHEMA, "registry": str(self.registry), "events": self.events, "members": members})


class BackupForm:
    """The form of a backup (`registry.archive.Form`)."""

    schema = SCHEMA
    what = "backup"

    def member(self, fields: Fields) -> Member:
        """Read an entry of the manifest."""
        name, size = fields.text("name"), fields.optional_int("size") or 0
        algorithm = "sha256" if name == CATALOG_MEMBER else "blake3"
        digest = fields.text(algorithm)
        if size <= 0 or not _HEX.fullmatch(digest) or (name != CATALOG_MEMBER and name != member_of_pack(PackId.parse(digest), size).name):
            raise InvalidManifest(f"its manifest lists {name[:80]!r}, which no backup has")
        return Member(name, size, algorithm, digest)

    def contents(self, fields: Fields, members: Sequence[Member]) -> BackupContents:
        """Read the manifest around its members."""
        if [member.name for member in members[:1]] != [CATALOG_MEMBER]:
            raise InvalidManifest("its manifest lists what no backup has")
        return BackupContents(RegistryId.parse(fields.text("registry")), fields.optional_int("events") or 0, members)


BACKUP = BackupForm()


def member_of_pack(pack: PackId, size: int) -> Member:
    """Return the member that a pack is."""
    return Member(STORE + pack_name(pack), size, "blake3", str(pack))
