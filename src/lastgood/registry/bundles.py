"""Bundles, as programs ask for them: `registry.bundles` of `lastgood.open`.

with lastgood.open("laptop") as here, lastgood.open("ci") as there:
    here.bundles.write(here.releases.find("r42").release, "r42.bundle")
    there.bundles.read("r42.bundle")
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lastgood.registry.context import Context

if TYPE_CHECKING:
    from lastgood.model.history import ReleaseRecord
    from lastgood.registry.export import Exported
    from lastgood.registry.import_bundle import ImportedRelease


class Bundles:
    """Releases on their way between registries; each verb is imported when it is first called."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def write(self, release: ReleaseRecord, file: str | Path, progress: Callable[[int], None] | None = None) -> Exported:
        """Write a release, with its bytes and the proof that it is in the signed history, into one new file.

        Raises:
            AlreadyExists: there is a file of that name.
            Integrity: a byte of it is not what it should be; nothing was written.
        """
        from lastgood.registry.export import export_bundle  # noqa: PLC0415

        return export_bundle(self._context, release, Path(file), progress)

    def read(self, file: str | Path, trusted: Sequence[str] = ()) -> ImportedRelease:
        """Take in the release of a bundle; one that is here already stays as it is.

        Args:
            file: the bundle.
            trusted: verifier keys, one of which must have signed the history that it comes from; none for whichever it names.

        Raises:
            Integrity: anything in it is not what it should be; nothing was changed.
        """
        from lastgood.registry.import_bundle import import_bundle  # noqa: PLC0415

        return import_bundle(self._context, Path(file), trusted)
