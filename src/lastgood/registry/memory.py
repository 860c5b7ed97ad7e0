"""What this user's machine remembers of a registry's history: the last checkpoint it saw, and which keys it trusts.

It lies outside the registry (`$XDG_STATE_HOME/lastgood/seen/`, one file a registry's place), so that whoever puts back
yesterday's catalog, cuts its end off or writes it anew does not change it as well. It is kept by place and not by id: a
copy of a registry that goes its own way elsewhere is nobody's attack. It is a convenience, and no record: it need not
survive a power cut, and where it cannot be written nothing fails.

    {"schema": "lastgood.seen/1", "place": "/srv/bot/.lastgood", "note": "…", "trusted": ["NAME+ID+KEY", …]}
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lastgood.canonical import canonical_json, parse_json_object
from lastgood.errors import Invalid
from lastgood.model.fields import Fields
from lastgood.model.release import check_schema

_SCHEMA = "lastgood.seen/1"
_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is remembered: a signed note, and verifier keys whose coming a person confirmed."""

    note: bytes | None = None
    trusted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of one registry's place.

    Attributes:
        folder: where this user's machine remembers; None where it remembers nothing.
        place: the registry's `.lastgood` folder.
    """

    folder: Path | None
    place: Path

    def recall(self) -> Remembered:
        """Return what is remembered; a file that cannot be read remembers nothing."""
        if self.folder is None:
            return Remembered()
        try:
            data = self._file(self.folder).read_bytes()[:_LARGEST]
            fields = Fields(parse_json_object(data), "what is remembered")
            check_schema(fields.text("schema"), _SCHEMA)
            if fields.text("place") != self._place():
                return Remembered()
            note = fields.optional_text("note")
            return Remembered(None if note is None else note.encode(), fields.texts("trusted"))
        except (OSError, Invalid):
            return Remembered()

    def remember(self, note: bytes) -> None:
        """Remember the newest checkpoint."""
        self._write(Remembered(note, self.recall().trusted))

    def trust(self, keys: Iterable[str]) -> None:
        """Remember that a person confirmed keys."""
        known = self.recall()
        self._write(Remembered(known.note, tuple(sorted({*known.trusted, *keys}))))

    def forget_history(self) -> None:
        """Forget the checkpoint, since a person says that the history now there is the right one."""
        self._write(Remembered(None, self.recall().trusted))

    def _write(self, new: Remembered) -> None:
        if self.folder is None:
            return
        document = {
            "schema": _SCHEMA,
            "place": self._place(),
            "note": None if new.note is None else new.note.decode(),
            "trusted": list(new.trusted),
        }
        path = self._file(self.folder)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary.write_bytes(canonical_json(document))
            temporary.replace(path)
        except OSError:
            # A home that is read-only or full is no reason to stop what the user came for.
            return

    def _file(self, folder: Path) -> Path:
        return folder / f"{hashlib.sha256(self._place().encode(errors='surrogateescape')).hexdigest()[:32]}.json"

    def _place(self) -> str:
        return os.path.realpath(self.place).encode(errors="replace").decode(errors="replace")
