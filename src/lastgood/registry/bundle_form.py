"""What a bundle holds: one release, its bytes, and the proof that it is what a registry's history says.

manifest.json          {"schema": "lastgood.bundle/1", "registry": UUID, "release": HEX, "members": […]}
release.json           the manifest of the release, whose sha256 is the release
event.json             the event that made it, as it stands in the ledger it comes from
texts.json             what the event only names: {"author": {"salt": HEX, "text": …} or null, "message": likewise}
proof.json             that the event is in the signed history: what `lastgood ledger check` reads
signature.json         optional: the signed release, an envelope with a statement of in-toto
files/<sha256>         the workspace file, the listings, and every file, each once
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lastgood.canonical import canonical_json
from lastgood.errors import InvalidManifest
from lastgood.ids import FileDigest, RegistryId, ReleaseId
from lastgood.model.fields import Fields
from lastgood.registry.archive import Member

SCHEMA = "lastgood.bundle/1"
RELEASE, EVENT, TEXTS, PROOF, SIGNATURE = "release.json", "event.json", "texts.json", "proof.json", "signature.json"
FILES = "files/"
LARGEST_DOCUMENT = 256 << 20

_FILE = re.compile("files/([0-9a-f]{64})")
_DOCUMENTS = (RELEASE, EVENT, TEXTS, PROOF, SIGNATURE)


@dataclass(frozen=True, slots=True)
class BundleContents:
    """What the manifest of a bundle says: from which registry it comes, which release it is, and what follows."""

    registry: RegistryId
    release: ReleaseId
    members: Sequence[Member]

    def document(self) -> bytes:
        """Write the manifest."""
        members = [member.as_json() for member in self.members]
        return canonical_json({"schema": SCHEMA, "registry": str(self.registry), "release": str(self.release), "members": members})


class BundleForm:
    """The form of a bundle (`registry.archive.Form`)."""

    schema = SCHEMA
    what = "bundle"

    def member(self, fields: Fields) -> Member:
        """Read an entry of the manifest."""
        name, size, digest = fields.text("name"), fields.optional_int("size"), FileDigest.parse(fields.text("sha256"))
        file = _FILE.fullmatch(name)
        is_document = name in _DOCUMENTS and size is not None and 0 < size <= LARGEST_DOCUMENT
        is_file = file is not None and file[1] == str(digest) and size is not None and size >= 0
        if size is None or not (is_document or is_file):
            raise InvalidManifest(f"its manifest lists {name[:80]!r}, which no bundle has")
        return Member(name, size, "sha256", str(digest))

    def contents(self, fields: Fields, members: Sequence[Member]) -> BundleContents:
        """Read the manifest around its members."""
        documents = [member.name for member in members if member.name in _DOCUMENTS]
        if documents not in ([*_DOCUMENTS], [*_DOCUMENTS[:-1]]) or [one.name for one in members[: len(documents)]] != documents:
            raise InvalidManifest("its manifest lists what no bundle has")
        return BundleContents(RegistryId.parse(fields.text("registry")), ReleaseId.parse(fields.text("release")), members)


BUNDLE = BundleForm()
