"""What can be done with canaries; a server's client answers the same protocol."""

from __future__ import annotations

from typing import Protocol

from lastgood.ids import OperationId
from lastgood.registry.canaries import Chosen
from lastgood.registry.move import Moved


class Canaries(Protocol):
    """Releases that answer a share of the calls beside what an environment is on."""

    def start(
        self,
        environment: str,
        revision: str,
        percent: int,
        *,
        reason: str | None = None,
        expect: int | None = None,
        operation: OperationId | None = None,
        override: bool = False,
    ) -> Moved:
        """Run a release beside what an environment is on, or give the one that runs another share.

        Args:
            environment: `prod`, or `support-bot/prod`.
            revision: the release.
            percent: the share of routing keys, from 1 to 99.
            reason: why, in free text.
            expect: the revision of the environment the caller saw.
            operation: an id that makes a retry safe.
            override: whether to go on in spite of gates that refuse; needs a reason.

        Raises:
            GateRefused: a gate refuses.
            NotFound: the environment has no deployment.
            Conflict: the release is live already.
            CanaryRunning: another canary runs.
            BadRelease, StaleEnvironment: as `deploy`.
        """
        ...

    def promote(
        self,
        environment: str,
        *,
        reason: str | None = None,
        expect: int | None = None,
        operation: OperationId | None = None,
        override: bool = False,
    ) -> Moved:
        """Let the canary answer every call.

        Raises:
            GateRefused: a gate refuses.
            NotFound: no canary runs.
            BadRelease, StaleEnvironment: as `deploy`.
        """
        ...

    def abort(
        self, environment: str, *, reason: str | None = None, expect: int | None = None, operation: OperationId | None = None
    ) -> Moved:
        """End the canary; nothing is held against it.

        Raises:
            NotFound: no canary runs.
            StaleEnvironment: somebody moved the environment first.
        """
        ...

    def plan_start(self, environment: str, revision: str, percent: int, expect: int | None = None, *, override: bool = False) -> Moved:
        """Return what `start` would do, without doing it."""
        ...

    def plan_promote(self, environment: str, expect: int | None = None, *, override: bool = False) -> Moved:
        """Return what `promote` would do, without doing it."""
        ...

    def plan_abort(self, environment: str, expect: int | None = None) -> Moved:
        """Return what `abort` would do, without doing it."""
        ...

    def choose(self, environment: str, key: str) -> Chosen:
        """Return which release answers the calls with a routing key; see `model.canary`.

        Raises:
            NotFound: there is no such environment.
            Invalid: the key is empty.
        """
        ...
