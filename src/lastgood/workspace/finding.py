"""Finds the workspace that somebody works in.

root = find_workspace(Path.cwd())
"""

from __future__ import annotations

import os
from pathlib import Path

from lastgood.workspace.declaration import WORKSPACE_FILE


def find_workspace(start: Path) -> Path | None:
    """Return the nearest folder, from `start` upward, that holds a workspace file."""
    here = Path(os.path.abspath(start))
    return next((folder for folder in (here, *here.parents) if os.path.lexists(folder / WORKSPACE_FILE)), None)
