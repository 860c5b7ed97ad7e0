"""The groups of an open registry, as `lastgood.open` gives them; what few commands ask for is imported when it is asked for.

with lastgood.open(folder) as registry:
    registry.environments.rollback("prod")
    registry.ledger.checkpoint()
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lastgood.ids import RegistryId
from lastgood.registry.bundles import Bundles
from lastgood.registry.embedded import EmbeddedRegistry
from lastgood.registry.ledger import Ledger
from lastgood.registry.upkeep import Upkeep

if TYPE_CHECKING:
    from lastgood.live.environments import LiveEnvironments
    from lastgood.registry.case import Figures
    from lastgood.registry.cost import Costs
    from lastgood.registry.evaluations import Evaluations
    from lastgood.registry.incident_protocol import Incidents
    from lastgood.registry.lineage import Lineage
    from lastgood.registry.pilots import Pilots
    from lastgood.registry.policies import Policies
    from lastgood.registry.protocols import Files, Holds, Operations, Releases
    from lastgood.registry.purges import Purges
    from lastgood.registry.retention import Retention
    from lastgood.workspace.declaration import Workspace


class BusinessGroups:
    """What an open registry says of money: for who approves the budget."""

    _embedded: EmbeddedRegistry
    _workspace_root: Path | None

    @cached_property
    def costs(self) -> Costs:
        """What it takes and costs, now and in twelve months."""
        from lastgood.registry.cost import Costs  # noqa: PLC0415

        workspace = None if self._workspace_root is None else workspace_at(self._workspace_root)
        return Costs(self._embedded.context, None if workspace is None else workspace.prices)

    @cached_property
    def figures(self) -> Figures:
        """What history says of the inputs of the payback page."""
        from lastgood.registry.case import Figures  # noqa: PLC0415

        return Figures(self._embedded.context, lambda: self.costs)

    @cached_property
    def incidents(self) -> Incidents:
        """What went wrong, and what it cost."""
        from lastgood.registry.incidents import Incidents  # noqa: PLC0415

        return Incidents(self._embedded.context)

    @cached_property
    def pilots(self) -> Pilots:
        """A span in which lastgood is tried, held against one before."""
        from lastgood.registry.pilots import EmbeddedPilots  # noqa: PLC0415

        return EmbeddedPilots(self._embedded.context)


class Groups(BusinessGroups):
    """What an open registry is made of.

    Attributes:
        releases: find, list, tag and mark releases.
        environments: deploy, rollback and history; folders that this host keeps live follow.
        files: the bytes of kept files.
        holds: releases that no retention policy may drop.
        operations: what was done, one operation after the other, and undoing it.
        policies: what environments ask of releases, and what people approved.
        evaluations: what suites said of releases.
        retention: whose bytes may go.
        purges: files that must not be kept, whoever needs them.
        lineage: what was made from what, and which releases have a file or a row.
        costs: what it takes and costs, now and in twelve months.
        figures: what history says of the inputs of the payback page.
        incidents: what went wrong, and what it cost.
        pilots: a span in which lastgood is tried, held against one before.
        upkeep: the care of the bytes: collecting, optimizing, repairing, backing up.
        ledger: checkpoints, proofs and keys of the history.
        bundles: releases on their way between registries.
    """

    def __init__(self, embedded: EmbeddedRegistry, workspace_root: Path | None) -> None:
        self._embedded = embedded
        self._workspace_root = workspace_root
        self.releases: Releases = embedded.releases
        self.files: Files = embedded.files
        self.holds: Holds = embedded.holds
        self.upkeep = Upkeep(embedded.context)
        self.ledger = Ledger(embedded.context)
        self.bundles = Bundles(embedded.context)

    @property
    def id(self) -> RegistryId:
        """The random id the registry was created with."""
        return self._embedded.id

    @cached_property
    def environments(self) -> LiveEnvironments:
        """Its environments, with the folders of this host that follow them."""
        from lastgood.live.environments import LiveEnvironments  # noqa: PLC0415
        from lastgood.live.places import live_folders  # noqa: PLC0415

        workspace = None if self._workspace_root is None else workspace_at(self._workspace_root)
        cache = self._embedded.cache
        return LiveEnvironments(
            self._embedded.environments,
            self._embedded,
            {} if workspace is None else live_folders(workspace),
            os.urandom,
            pipeline=None if workspace is None else workspace.pipeline,
            # A service's folders are made when somebody is in a hurry: they take what is at hand, and keep nothing more.
            cache=None if cache is None else cache.for_reading(),
        )

    @cached_property
    def operations(self) -> Operations:
        """What was done; where a move is undone, live folders follow."""
        from lastgood.live.operations import LiveOperations  # noqa: PLC0415

        return LiveOperations(self._embedded.operations, lambda: self.environments)

    @cached_property
    def policies(self) -> Policies:
        """What environments ask of releases, and what people approved."""
        from lastgood.registry.policies import Policies  # noqa: PLC0415

        return Policies(self._embedded.context)

    @cached_property
    def retention(self) -> Retention:
        """Whose bytes may go."""
        from lastgood.registry.retention import Retention  # noqa: PLC0415

        return Retention(self._embedded.context)

    @cached_property
    def purges(self) -> Purges:
        """Files that must not be kept, whoever needs them."""
        from lastgood.registry.purges import Purges  # noqa: PLC0415

        return Purges(self._embedded.context, self.lineage)

    @cached_property
    def lineage(self) -> Lineage:
        """What was made from what, and which releases have a file or a row."""
        from lastgood.registry.lineage import Lineage  # noqa: PLC0415

        return Lineage(self._embedded.context, self._embedded.files)

    @cached_property
    def evaluations(self) -> Evaluations:
        """What suites said of releases."""
        from lastgood.registry.evaluations import Evaluations  # noqa: PLC0415

        return Evaluations(self._embedded.context, self._embedded.files, self._embedded.cache)


def workspace_at(folder: str | Path | Workspace) -> Workspace:
    """Read the workspace of a folder, unless it was read already."""
    if not isinstance(folder, str | Path):
        return folder
    from lastgood.workspace.file import read_workspace  # noqa: PLC0415

    return read_workspace(Path(folder).absolute())
