"""What was observed of the host when a release was made: provenance, never identity.

The git commit is read with git itself, and only when a release is about to be made; without git, or outside of a
repository, there is simply nothing to say.

    observe(root, ["src"])  ->  {"git": {"commit": "…", "dirty": False}, "host": {"platform": "linux-x86_64", …}}
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from lastgood.canonical import JsonObject
from lastgood.workspace.git import git_text


def observe(root: Path, paths: Sequence[str]) -> JsonObject:
    """Return facts about the host and the git commit that a folder stands at; `dirty` speaks of the given paths."""
    facts: JsonObject = {
        "host": {
            "platform": f"{sys.platform}-{platform.machine()}",
            "python": platform.python_version(),
        }
    }
    commit = git_text(root, "rev-parse", "--verify", "HEAD")
    if commit is not None:
        facts["git"] = {"commit": commit.strip(), "dirty": _is_dirty(root, paths)}
    return facts


def _is_dirty(root: Path, paths: Sequence[str]) -> bool | None:
    """Whether git would commit changes at the paths; None where nobody can say without running strangers' programs."""
    if not paths:
        return False
    settings = git_text(root, "config", "--list", "--show-scope", "--name-only")
    # `status` looks at files through the filters that a repository names, so whoever packed the folder chose what runs.
    if settings is None or any(line.startswith(("local\tfilter.", "worktree\tfilter.")) for line in settings.splitlines()):
        return None
    changes = git_text(root, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all", "--", *paths)
    return None if changes is None else bool(changes.strip())
