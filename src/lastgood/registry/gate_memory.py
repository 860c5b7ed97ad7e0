"""What one open registry has read for its gates: it is heavy, known by its digest, and asked for again by each step of a deploy.

>>> GateMemory().results
{}
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from lastgood.ids import FileDigest, ReleaseId
from lastgood.model.evaluation import Results
from lastgood.model.gates.evidence import KeptBytes


@dataclass(frozen=True, slots=True)
class GateMemory:
    """What was read.

    Attributes:
        results: of files with the results of evaluations, what they hold.
        kept: of releases, what is known of their bytes, and when they were looked at.
    """

    results: dict[FileDigest, Results] = field(default_factory=dict)
    kept: dict[ReleaseId, tuple[datetime, KeptBytes]] = field(default_factory=dict)
