"""Looks at a folder for the parts of a pipeline, so that `init` can write a first workspace file.

Rules: names decide, and only the first rows of tables (for a key) and of requirements (whether they are pinned) are
read; a folder that holds weights belongs wholly to its artifact, with tokenizer and configs. What is found is a
proposal: whoever owns the pipeline reads the file and changes it.

    for proposal in detect(root):
        print(proposal.name, proposal.kind, proposal.paths)
"""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from lastgood.errors import AlreadyExists, of_os_error
from lastgood.ids import PipelineName
from lastgood.model.component import Kind
from lastgood.workspace.declaration import WORKSPACE_FILE
from lastgood.workspace.inventory import Inventory
from lastgood.workspace.kinds import CONFIGS, LOCK_FILES, LOCK_NAME, SOURCES, TABLES, WEIGHTS, extension_of
from lastgood.workspace.starter import Proposal, starter_file
from lastgood.workspace.table_keys import guess_key

_MOST_SIBLINGS = 12
_LARGEST_REQUIREMENTS = 1 << 20

_PROMPT_FOLDERS = frozenset({"prompts", "prompt", "prompt_templates", "prompt-templates"})
_EVAL_FOLDERS = frozenset({"evals", "eval", "evaluations", "evaluation"})
_CONFIG_FOLDERS = frozenset({"config", "configs", "conf", "configuration"})
_DATA_FOLDERS = frozenset({"data", "dataset", "datasets"})
_OTHER_FOLDERS = frozenset({"test", "tests", "testing", "fixtures", "docs", "doc", "examples", "notebooks"})
_NO_MODEL_FOLDERS = _DATA_FOLDERS | _EVAL_FOLDERS | _OTHER_FOLDERS
_PLAIN_NAMES = frozenset({"model", "weights", "checkpoint", "final", "best", "latest", "output"})
_RUNNERS = ("run.py", "eval.py", "evaluate.py", "main.py")
_TENSORS_AS_DATA = frozenset({".npy", ".npz"})
_NO_CONFIGS = re.compile(
    r"(?:lastgood|pyproject|ruff|mypy)\.toml|(?:package|package-lock|tsconfig|composer|renovate|pyrightconfig|biome)\.json"
    r"|(?:docker-)?compose[\w.-]*\.ya?ml|(?:mkdocs|environment|codecov)\.ya?ml|(?:setup|tox|pytest|mypy)\.(?:cfg|ini)"
    r"|credentials\.json|client_secret.*\.json",
)
_NO_CODE = re.compile(r"setup\.py|conftest\.py|noxfile\.py|test_.*|.*_test\.py")
_TOOLS = re.compile(r"tools[\w-]*\.(?:json|ya?ml)")
_BESIDE_WEIGHTS = re.compile(
    r"(?:.*config|tokenizer.*|special_tokens_map|added_tokens|vocab|model_index|modules|.*\.index)\.json"
    r"|(?:merges|vocab)\.txt|.*\.model",
)
_PYTHON_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+){1,2}")
_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(?:\[[\w,. -]*\])?\s*(?P<pin>==)?")
_ORDER = (Kind.ARTIFACT, Kind.PROMPT, Kind.CONFIG, Kind.DATASET, Kind.EVAL, Kind.CODE, Kind.RUNTIME)


def write_starter_file(root: Path, pipeline: PipelineName | None, unique: int) -> None:
    """Write a folder's first workspace file, whole or not at all.

    Args:
        root: the folder.
        pipeline: the pipeline's name; without one it is made from the folder's.
        unique: a number that no other process on this host has just now, such as this one's id.

    Raises:
        AlreadyExists: there is such a file; it is left as it is.
        NotAllowed, ReadOnly, StorageFull, Unavailable: the folder cannot be read or written.
    """
    path = root / WORKSPACE_FILE
    new = root / f".{WORKSPACE_FILE}.{unique}"
    try:
        text = starter_file(detect(root), pipeline or pipeline_name(root), in_git=_is_in_git(root))
        try:
            new.write_text(text, encoding="utf-8")
            # A link instead of a rename, since a link never replaces what somebody else wrote meanwhile.
            path.hardlink_to(new)
        finally:
            new.unlink(missing_ok=True)
    except FileExistsError as error:
        raise AlreadyExists(f"there is a {WORKSPACE_FILE} in {root} already; it was left as it is") from error
    except OSError as error:
        raise of_os_error(error, f"{path} cannot be written") from error


def pipeline_name(root: Path) -> PipelineName:
    """Return a pipeline's name that is like a folder's."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", os.path.basename(os.path.abspath(root)))
    return PipelineName(name.lstrip("._-")[:63].rstrip("._-") or "pipeline")


def detect(root: Path) -> tuple[Proposal, ...]:
    """Return the components that a folder seems to hold.

    Raises:
        OSError: the folder cannot be read.
        InvalidWorkspace: its ignore file is not right.
    """
    inventory = Inventory(root)
    for find in (_find_models, _find_evals, _find_prompts, _find_data, _find_configs, _find_locks, _find_code):
        find(inventory)
    return tuple(sorted(inventory.found, key=lambda proposal: _ORDER.index(proposal.kind)))


def _is_in_git(root: Path) -> bool:
    here = Path(os.path.abspath(root))
    return any(os.path.exists(folder / ".git") for folder in (here, *here.parents))


def _find_models(inventory: Inventory) -> None:
    weights = [path for path in inventory.files if extension_of(path) in WEIGHTS and not _passes(path, _NO_MODEL_FOLDERS)]
    folders = {os.path.dirname(path) for path in weights} - {""}
    folders = {folder for folder in folders if not _has(inventory.directly_in(folder), SOURCES)}
    for folder in _gathered(inventory, folders):
        is_adapter = any(os.path.basename(path).startswith("adapter_") for path in inventory.below(folder))
        name = _model_name(folder)
        told = "adapter" in name.lower() or "lora" in name.lower()
        remark = 'An adapter; say what it adapts: derived_from = ["…"]' if is_adapter else None
        inventory.propose(name + "-adapter" if is_adapter and not told else name, Kind.ARTIFACT, [folder], remark=remark)
    loose = [path for path in weights if inventory.is_free(path)]
    at_root = [path for path in loose if "/" not in path]
    if at_root:
        beside = [path for path in inventory.directly_in("") if _BESIDE_WEIGHTS.fullmatch(path) and path not in at_root]
        inventory.propose("model", Kind.ARTIFACT, sorted(at_root + beside))
    for path in loose:
        if "/" in path:
            inventory.propose(_stem(path), Kind.ARTIFACT, [path])


def _gathered(inventory: Inventory, folders: set[str]) -> list[str]:
    """Return the folders of models: a folder of parts (`model_index.json`) or of many checkpoints counts as one."""
    many = Counter(os.path.dirname(folder) for folder in folders)
    whole = {top for top, count in many.items() if top and (count > _MOST_SIBLINGS or f"{top}/model_index.json" in inventory)}
    tops = folders | {top for top in whole if not _has(inventory.directly_in(top), SOURCES)}
    return sorted(folder for folder in tops if not any(folder.startswith(top + "/") for top in tops))


def _model_name(folder: str) -> str:
    parts = folder.split("/")
    named = [part for part in parts if part.lower() not in _PLAIN_NAMES]
    return named[-1] if named else parts[-1]


def _find_evals(inventory: Inventory) -> None:
    for top in _folders_named(inventory, _EVAL_FOLDERS):
        suites = [folder for folder in inventory.folders_in(top) if _has(inventory.directly_in(folder), SOURCES)]
        for suite in [top] if _has(inventory.directly_in(top), SOURCES) or not suites else suites:
            runner = _runner(inventory, suite)
            keys = {"run": f"python {shlex.quote(runner)}"} if runner else {}
            remark = None if runner else 'Say how it is run: run = "python …"'
            inventory.propose(os.path.basename(suite), Kind.EVAL, [suite], keys=keys, remark=remark)


def _runner(inventory: Inventory, suite: str) -> str | None:
    programs = [path for path in inventory.directly_in(suite) if path.endswith(".py")]
    named = [f"{suite}/{name}" for name in _RUNNERS if f"{suite}/{name}" in inventory]
    if named:
        return named[0]
    return programs[0] if len(programs) == 1 else None


def _find_prompts(inventory: Inventory) -> None:
    folders = _folders_named(inventory, _PROMPT_FOLDERS, deepest=4)
    files = [path for path in inventory.files if extension_of(path) == ".prompt" and not _passes(path, _PROMPT_FOLDERS)]
    inventory.propose("prompts", Kind.PROMPT, [*folders, *files])


def _find_data(inventory: Inventory) -> None:
    for folder in ["", *_folders_named(inventory, _DATA_FOLDERS)]:
        tables = [path for path in inventory.directly_in(folder) if extension_of(path) in TABLES]
        if folder:
            tables += [path for path in inventory.directly_in(folder) if extension_of(path) in _TENSORS_AS_DATA]
        if len(tables) > _MOST_SIBLINGS:
            inventory.propose(os.path.basename(folder) or "data", Kind.DATASET, [folder] if folder else tables)
            continue
        for path in tables:
            key = guess_key(inventory.root / path)
            inventory.propose(_stem(path), Kind.DATASET, [path], keys={"key": key} if key else None)
        for inner in inventory.folders_in(folder) if folder else ():
            if _has(inventory.below(inner), TABLES | _TENSORS_AS_DATA):
                inventory.propose(os.path.basename(inner), Kind.DATASET, [inner])


def _find_configs(inventory: Inventory) -> None:
    folders = [one for one in _folders_named(inventory, _CONFIG_FOLDERS) if _has(inventory.below(one), CONFIGS)]
    files = [
        path
        for path in inventory.directly_in("")
        if extension_of(path) in CONFIGS and not _NO_CONFIGS.fullmatch(path) and path not in LOCK_FILES
    ]
    tools = [
        path
        for path in inventory.files
        if _TOOLS.fullmatch(os.path.basename(path)) and path.count("/") == 1 and not _passes(path, _OTHER_FOLDERS)
    ]
    inventory.propose("config", Kind.CONFIG, [*folders, *files, *(path for path in tools if not _passes(path, _CONFIG_FOLDERS))])


def _find_locks(inventory: Inventory) -> None:
    near = [*inventory.directly_in(""), *inventory.directly_in("requirements")]
    ranked = [path for name in LOCK_FILES for path in near if os.path.basename(path) == name]
    ranked += [path for path in near if LOCK_NAME.fullmatch(os.path.basename(path)) and path not in ranked]
    for path in ranked:
        if not path.endswith(".txt") or _is_pinned(inventory.root / path):
            version = _first_line(inventory.root / ".python-version")
            keys = {"python": version} if _PYTHON_VERSION.fullmatch(version) else None
            inventory.propose("runtime", Kind.RUNTIME, [path], keys=keys)
            return


def _find_code(inventory: Inventory) -> None:
    packages = {os.path.dirname(path) for path in inventory.files if path.count("/") == 1 and path.endswith("/__init__.py")}
    folders = packages | ({"src"} if _has(inventory.below("src"), SOURCES) else set())
    files = [path for path in inventory.directly_in("") if extension_of(path) in SOURCES and not _NO_CODE.fullmatch(path)]
    inventory.propose("code", Kind.CODE, [*sorted(folders - _OTHER_FOLDERS), *files])


def _folders_named(inventory: Inventory, names: frozenset[str], *, deepest: int = 2) -> list[str]:
    """Return the folders of some names, at most so deep, none inside another and none among tests."""
    tops = set()
    for path in inventory.files:
        parts = path.split("/")[:-1][:deepest]
        for depth, part in enumerate(parts, start=1):
            if part.lower() in names:
                tops.add("/".join(parts[:depth]))
            if part.lower() in names | _OTHER_FOLDERS:
                break
    return sorted(tops)


def _passes(path: str, folders: frozenset[str]) -> bool:
    return any(part.lower() in folders for part in path.split("/")[:-1])


def _has(paths: Iterable[str], extensions: frozenset[str]) -> bool:
    return any(extension_of(path) in extensions for path in paths)


def _stem(path: str) -> str:
    return os.path.basename(path).partition(".")[0]


def _is_pinned(path: Path) -> bool:
    """Say whether a requirements file names one version of everything: it has hashes, or `==` on each line."""
    lines = [line.strip() for line in _text(path).replace("\\\n", " ").split("\n")]
    wanted = [read for line in lines if line and not line.startswith(("#", "-")) and (read := _REQUIREMENT.match(line))]
    return bool(wanted) and all(read["pin"] for read in wanted)


def _first_line(path: Path) -> str:
    return _text(path).partition("\n")[0].strip()


def _text(path: Path) -> str:
    try:
        with path.open("rb") as source:
            return source.read(_LARGEST_REQUIREMENTS).decode("utf-8-sig", "replace")
    except OSError:
        return ""
