"""Check that files, functions and classes stay small enough to be read: `python tools/check_limits.py FOLDER…`.

The limits, in words: a file has at most 400 lines, a function at most 40 from its `def` to its end, a class at most ten
public methods. Methods named `test_…` are not counted: a class of tests is a list of cases, not an interface.

Prints one line for each thing that is too big and exits 1 if there is any.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 40
MOST_PUBLIC_METHODS = 10

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def what_is_too_big(path: Path) -> Iterator[str]:
    """Say what in one Python file breaks a limit, each as `path:line: what`."""
    text = path.read_text()
    lines = text.count("\n")
    if lines > MOST_LINES_OF_A_FILE:
        yield f"{path}:1: the file has {lines} lines, more than {MOST_LINES_OF_A_FILE}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, _Function) and (lines := _lines(node)) > MOST_LINES_OF_A_FUNCTION:
            yield f"{path}:{node.lineno}: {node.name} has {lines} lines, more than {MOST_LINES_OF_A_FUNCTION}"
        if isinstance(node, ast.ClassDef) and (methods := _public_methods(node)) > MOST_PUBLIC_METHODS:
            yield f"{path}:{node.lineno}: {node.name} has {methods} public methods, more than {MOST_PUBLIC_METHODS}"


def _lines(function: _Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _public_methods(node: ast.ClassDef) -> int:
    return sum(isinstance(one, _Function) and not one.name.startswith(("_", "test_")) for one in node.body)


def main(folders: list[str]) -> int:
    """Check every Python file under the folders; return the exit code."""
    found = [line for folder in folders for path in sorted(Path(folder).rglob("*.py")) for line in what_is_too_big(path)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
