"""The comparer of hosted models: a provider that answers under the same name with another fingerprint changed it.

Rules: provider, model and fingerprint are declared fields and told as such; said before them is what no field says by
itself, that nobody on this side changed anything.

    >>> HostedComparer.said({"model": "gpt-4.1", "fingerprint": "fp_1"}, {"model": "gpt-4.1", "fingerprint": "fp_2"})
    ['same name, different fingerprint: the provider changed it']
"""

from __future__ import annotations

from collections.abc import Mapping

from lastgood.canonical import Json
from lastgood.compare.comparer import ComponentSide, Findings
from lastgood.model.placement import FileAccess

PROVIDER_CHANGED_IT = "same name, different fingerprint: the provider changed it"


class HostedComparer:
    """Compares hosted models by what is declared, or was observed, of them."""

    def compare(self, old: ComponentSide, new: ComponentSide, files: FileAccess) -> Findings:  # noqa: ARG002  # it has none
        """Say what the fields do not say."""
        return Findings([], (), urgent=self.said(old.fields, new.fields))

    @staticmethod
    def said(old: Mapping[str, Json], new: Mapping[str, Json]) -> list[str]:
        """Say it where provider and model are the same and the fingerprints, both known, differ."""
        same_name = all(old.get(name) == new.get(name) for name in ("provider", "model"))
        known = old.get("fingerprint"), new.get("fingerprint")
        return [PROVIDER_CHANGED_IT] if same_name and all(known) and known[0] != known[1] else []
