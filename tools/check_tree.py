"""Check that no file of the project carries what belongs to one machine: `python tools/check_tree.py FOLDER`.

The rule, in words: no address of a package index and no path of somebody's machine in any file, and no file over
1 MB, since a history keeps it for ever. A file belongs to the project when .gitignore does not name it, so the check
needs no git and sees a file before it is added.

Prints one line for each thing found and exits 1 if there is any.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

LARGEST = 1_000_000

# Each is written so that it does not find itself.
_FOREIGN = {
    "the address of a package index": re.compile(
        rb"pypi\.org|pythonhosted\.org|https?://[^\s\"']+/simp[l]e\b|(?<!no-emit-)index-url[ =]|--find-link[s]",
    ),
    "a path of one machine": re.compile(rb"(?<![\w.])/(?:wor[k]|roo[t]|tmp/[v]|home/\w+|opt/pyp[i])/"),
}


def what_is_foreign(root: Path) -> Iterator[str]:
    """Say what in the project's files belongs to one machine, each as `path:line: what`."""
    ignored = GitIgnoreSpec.from_lines([*(root / ".gitignore").read_text().splitlines(), "/.git"])
    for name in sorted(ignored.match_tree_files(root, follow_links=False, negate=True)):
        path = root / name
        if path.is_symlink() or not path.is_file():
            continue
        if path.stat().st_size > LARGEST:
            yield f"{name}: {path.stat().st_size} bytes, more than {LARGEST}"
            continue
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            yield from (f"{name}:{number}: {what}" for what, pattern in _FOREIGN.items() if pattern.search(line))


def main(root: str) -> int:
    """Check the project in a folder; return the exit code."""
    found = list(what_is_foreign(Path(root)))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
