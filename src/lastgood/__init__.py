"""lastgood: version control for AI in production.

    >>> import lastgood
    >>> registry = lastgood.open("project")            # doctest: +SKIP
    >>> registry.releases.find("prod@3w").release      # doctest: +SKIP
    >>> registry.environments.rollback("prod")         # doctest: +SKIP

`lastgood.api` tells the rest, `lastgood.errors` draws what can go wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastgood._version import __version__

if TYPE_CHECKING:
    from lastgood.api import OpenRegistry, init
    from lastgood.api import open_folder as open  # noqa: A004

__all__ = ["OpenRegistry", "__version__", "init", "open"]

_IN_API = {"OpenRegistry": "OpenRegistry", "init": "init", "open": "open_folder"}


def __getattr__(name: str) -> object:
    """Import the API when it is first asked for, so that `lastgood --version` answers at once."""
    if name not in _IN_API:
        raise AttributeError(f"module 'lastgood' has no attribute {name!r}")
    from lastgood import api  # noqa: PLC0415

    return getattr(api, _IN_API[name])
