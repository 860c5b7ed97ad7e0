"""When releases first reached an environment: as they were, or within one that follows them.

reached = first_reached(ancestry, deployments, wanted)
reached[release].deployment.recorded_at, reached[release].is_there
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from lastgood.ids import ReleaseId
from lastgood.model.history import Deployment
from lastgood.registry.ancestry import Ancestry


@dataclass(frozen=True, slots=True)
class Reached:
    """By which deployment something first got to an environment.

    Attributes:
        deployment: the first that brought it.
        is_there: whether it is there now: it may have been rolled back since. None where nobody can say, since the
            environment is on a release that has the component otherwise than the one asked about.
    """

    deployment: Deployment
    is_there: bool | None


def first_reached(ancestry: Ancestry, deployments: Sequence[Deployment], wanted: Container[ReleaseId]) -> dict[ReleaseId, Reached]:
    """Return of releases when they first reached an environment; what a canary ran is no deployment.

    Args:
        ancestry: knows what follows what.
        deployments: the moves of the environment, oldest first.
        wanted: the releases that may stand for those they follow; a deployment of any other one says nothing here.
    """
    first = _marked(ancestry, deployments, wanted)
    now = _marked(ancestry, deployments[-1:], wanted)
    known = bool(deployments) and deployments[-1].release in wanted
    return {release: Reached(one, release in now if known else None) for release, one in first.items()}


def _marked(ancestry: Ancestry, deployments: Iterable[Deployment], wanted: Container[ReleaseId]) -> dict[ReleaseId, Deployment]:
    marked: dict[ReleaseId, Deployment] = {}
    for one in deployments:
        waiting = [one.release] if one.release in wanted else []
        while waiting:
            release = waiting.pop()
            # What one of them follows was reached with it, so no release is looked at twice.
            if release not in marked and (outline := ancestry.get(release)) is not None:
                marked[release] = one
                waiting += outline.parents
    return marked
