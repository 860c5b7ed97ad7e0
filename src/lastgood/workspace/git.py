"""Git, asked with care: it reads, and runs nothing that a repository names.

Rules: no file-system monitor, no hook, no filter, no pager, no signature program, no network, no replaced objects; in
bounded time; whatever git cannot answer (no repository, no git, one of another user) is None. Only whole ids of commits
are handed to it, never texts that could be options.

    git(root, "rev-parse", "--verify", "HEAD")     # bytes, or None
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_SECONDS = 10
# A clone without all its objects would fetch them, through whatever program its settings name. `env` gives git these
# beside what it inherits, whatever that is.
_ENVIRONMENT = ("env", "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none", "GIT_TERMINAL_PROMPT=0")
_SAFE = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "log.showSignature=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    "--no-pager",
    "--no-optional-locks",
    "--no-replace-objects",
)


def git(root: Path, *arguments: str, given: bytes = b"") -> bytes | None:
    """Run git in a folder and return what it says, or None where it does not succeed; it is given some bytes to read."""
    command = [*_ENVIRONMENT, "git", *_SAFE, *arguments]
    try:
        found = subprocess.run(command, cwd=root, input=given, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout if found.returncode == 0 else None


def git_text(root: Path, *arguments: str) -> str | None:
    """Return what git says as text, or None where it does not succeed or says no UTF-8."""
    said = git(root, *arguments)
    try:
        return None if said is None else said.decode()
    except UnicodeDecodeError:
        return None
