"""What had a file's name in the release that a commit follows: what a new file most likely resembles.

The listings of that release are searched as the bytes they are, since a commit asks about few files of many.

    before = Predecessors(parent, reader).before
    before("models/router/model.safetensors")
"""

from __future__ import annotations

import re

from lastgood.canonical import canonical_json
from lastgood.errors import LastgoodError
from lastgood.ids import FileDigest
from lastgood.model.intake import listing_name
from lastgood.model.placement import FileReader
from lastgood.model.release import Manifest
from lastgood.registry.points import listing_of

_DIGEST = re.compile(rb',"sha256":"([0-9a-f]{64})"')


class Predecessors:
    """Finds files of a release by what they are known by.

    Args:
        release: the release; None has no files.
        reader: gives its listings.
    """

    def __init__(self, release: Manifest | None, reader: FileReader) -> None:
        components = () if release is None else release.components.values()
        self._listings = {listing_name(one.name): one.content.listing for one in components}
        self._release = release
        self._reader = reader
        self._read: list[bytes] | None = None

    def before(self, name: str) -> FileDigest | None:
        """Return which file had a name, a path or `model.intake.listing_name`, or None."""
        if name.startswith("/"):
            return self._listings.get(name)
        wanted = b'"path":' + canonical_json(name) + b',"sha256":"'
        for listing in self._all():
            place = listing.find(wanted)
            found = _DIGEST.match(listing, place + len(wanted) - len(b',"sha256":"')) if place >= 0 else None
            if found is not None:
                return FileDigest(bytes.fromhex(found[1].decode()))
        return None

    def _all(self) -> list[bytes]:
        if self._read is None:
            components = () if self._release is None else self._release.components.values()
            try:
                self._read = [listing_of(one, self._reader) for one in components if one.content.listing is not None]
            except LastgoodError:
                # A listing that cannot be read is a matter of `verify`; a commit does without what it would have told.
                self._read = []
        return self._read
