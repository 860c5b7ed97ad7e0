"""Which kind of component files are, told by their names alone.

>>> kind_of_file("models/router/model.safetensors"), kind_of_file("requirements.lock")
(<Kind.ARTIFACT: 'artifact'>, <Kind.RUNTIME: 'runtime'>)
>>> kind_of_files(["config/routing.yaml", "config/tools.json"])
<Kind.CONFIG: 'config'>
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from lastgood.model.component import Kind

LOCK_FILES = (
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "pylock.toml",
    "Pipfile.lock",
    "requirements.lock",
    "conda-lock.yml",
    "pixi.lock",
    "requirements.txt",
)
"""Lock files by name, the most exact first."""

WEIGHTS = frozenset({
    ".bin", ".ckpt", ".ggml", ".gguf", ".h5", ".joblib", ".keras", ".npy", ".npz", ".onnx", ".pickle", ".pkl", ".pt", ".pth",
    ".safetensors", ".tflite",
})  # fmt: skip
"""Extensions of files that hold tensors or fitted parameters."""

TABLES = frozenset([".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".arrow", ".feather"])
"""Extensions of files that hold rows."""

CONFIGS = frozenset([".yaml", ".yml", ".json", ".toml", ".ini", ".cfg"])
PROMPTS = frozenset([".prompt", ".md", ".txt", ".j2", ".jinja", ".jinja2", ".mustache"])
SOURCES = frozenset([".py", ".pyi", ".ipynb", ".js", ".ts", ".sh", ".go", ".rs", ".java", ".c", ".cc", ".cpp", ".h"])

_KIND_OF_EXTENSION = {
    extension: kind
    for kind, extensions in (
        (Kind.ARTIFACT, WEIGHTS),
        (Kind.DATASET, TABLES),
        (Kind.CONFIG, CONFIGS),
        (Kind.PROMPT, PROMPTS),
        (Kind.CODE, SOURCES),
    )
    for extension in extensions
}
LOCK_NAME = re.compile(r"requirements[\w.-]*\.(?:lock|txt)")
_ENOUGH_FILES = 500


def kind_of_file(path: str) -> Kind | None:
    """Return the kind that a file's name suggests, if any."""
    name = path.rsplit("/", 1)[-1]
    if name in LOCK_FILES or LOCK_NAME.fullmatch(name):
        return Kind.RUNTIME
    return _KIND_OF_EXTENSION.get(extension_of(name))


def extension_of(path: str) -> str:
    """Return the extension of a file's name in lower case, with its dot."""
    return os.path.splitext(path)[1].lower()


def kind_of_files(paths: Iterable[str]) -> Kind | None:
    """Return the kind that files suggest together, or None where it is not clear.

    Weights make the whole an artifact, whatever lies beside them; then code, then tables decide. Texts beside
    configs are prompts only where a folder's name says so.
    """
    seen: set[Kind] = set()
    named_prompts = False
    for path in paths:
        kind = kind_of_file(path)
        if kind is not None:
            seen.add(kind)
        named_prompts = named_prompts or "prompt" in path.lower()
    if seen == {Kind.RUNTIME}:
        return Kind.RUNTIME
    for kind in (Kind.ARTIFACT, Kind.CODE, Kind.DATASET):
        if kind in seen:
            return kind
    texts = seen - {Kind.RUNTIME}
    if Kind.PROMPT in texts and (named_prompts or texts == {Kind.PROMPT}):
        return Kind.PROMPT
    return Kind.CONFIG if texts == {Kind.CONFIG} else None


def kind_of_paths(root: Path, paths: Iterable[str]) -> Kind | None:
    """Return the kind that the first files under some paths of a workspace suggest, or None where it is not clear."""
    return kind_of_files(islice((name for path in paths for name in _names_under(root, path)), _ENOUGH_FILES))


def _names_under(root: Path, path: str) -> Iterator[str]:
    top = root / path
    if top.is_file():
        yield path
        return
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        inside = os.path.relpath(folder, root)
        yield from (f"{inside}/{name}" for name in sorted(names))
