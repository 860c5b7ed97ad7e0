"""What a live folder follows, as it keeps it: a folder follows one environment for ever.

>>> prod = Followed(RegistryId("2f1c…"), PipelineName("bot"), EnvironmentName("prod"))
>>> prod.to_json()[:27]
b'{"environment":"prod","pipe'
"""

from __future__ import annotations

from dataclasses import dataclass

from lastgood.canonical import canonical_json
from lastgood.ids import EnvironmentName, PipelineName, RegistryId

_SCHEMA = "lastgood.live-folder/1"


@dataclass(frozen=True, slots=True)
class Followed:
    """What a live folder follows: an environment of a pipeline in one registry."""

    registry: RegistryId
    pipeline: PipelineName
    environment: EnvironmentName

    def to_json(self) -> bytes:
        """Return the canonical bytes that a live folder keeps of it."""
        return canonical_json(
            {
                "schema": _SCHEMA,
                "registry": self.registry,
                "pipeline": str(self.pipeline),
                "environment": str(self.environment),
            }
        )
