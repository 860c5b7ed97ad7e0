"""The comparer of whatever has no words of its own: which files came, went, changed or moved. It reads none of them.

>>> from lastgood.ids import ContentDigest
>>> from lastgood.model.component import Kind
>>> old, new = (ComponentSide(Kind.CODE, ContentDigest.of(one)) for one in (b"1", b"2"))
>>> FileSetComparer().compare(old, new, files=None)
Findings(phrases=[], details=(), cosmetic=False, headline='', urgent=(), says_fields=False)
"""

from __future__ import annotations

from lastgood.compare.change import Edit
from lastgood.compare.comparer import ComponentSide, Findings
from lastgood.compare.files import common_folder, compare_files, say_files
from lastgood.model.component import Kind
from lastgood.model.placement import FileAccess


class FileSetComparer:
    """Compares components by their files."""

    def compare(self, old: ComponentSide, new: ComponentSide, files: FileAccess) -> Findings:  # noqa: ARG002  # listings suffice
        """Say which files changed."""
        changes = compare_files(old.entries, new.entries)
        modes_only = bool(changes) and all(change.change is Edit.MODE_CHANGED for change in changes)
        phrases = [say_files(changes, common_folder(old.entries, new.entries))] if changes else []
        return Findings(phrases, changes, cosmetic=modes_only and new.kind is not Kind.CODE)
