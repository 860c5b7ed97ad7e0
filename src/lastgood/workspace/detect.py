"""Looks at a folder for the parts of a pipeline, so that `init` can write a first workspace file.

Rules: only names are looked at, but for the first rows of tables (for a key) and of requirements (for hashes); a
folder that holds weights belongs wholly to its artifact, with tokenizer and configs; nothing is in two components.
Virtual environments, caches and hidden folders are passed over, links are not followed. What is found is a proposal:
whoever owns the pipeline reads the file and changes it.

    found = detect(root)
    text = starter_file(found, pipeline)
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lastgood.errors import AlreadyExists, InvalidPath, of_os_error
from lastgood.ids import PipelineName
from lastgood.model.component import Kind
from lastgood.model.paths import check_path, check_together
from lastgood.workspace.declaration import NEVER_WALKED, WORKSPACE_FILE
from lastgood.workspace.kinds import CONFIGS, LOCK_FILES, SOURCES, TABLES, WEIGHTS, kind_of_file
from lastgood.workspace.starter import Proposal, starter_file
from lastgood.workspace.table_keys import guess_key

MOST_FILES = 50_000
DEEPEST = 12
_MOST_SIBLINGS = 12
_PINNED_PROBE = 1 << 20

_NOT_OURS = frozenset(
    "node_modules site-packages venv env virtualenv dist build target htmlcov wandb mlruns lightning_logs logs".split(),
)
_PROMPT_FOLDERS = frozenset({"prompts", "prompt", "prompt_templates", "prompt-templates"})
_EVAL_FOLDERS = frozenset({"evals", "eval", "evaluations", "evaluation"})
_CONFIG_FOLDERS = frozenset({"config", "configs", "conf", "configuration"})
_DATA_FOLDERS = frozenset({"data", "dataset", "datasets"})
_TEST_FOLDERS = frozenset({"test", "tests", "testing", "fixtures", "docs", "doc", "examples", "notebooks"})
_RUNNERS = ("run.py", "eval.py", "evaluate.py", "main.py", "__main__.py")
_NO_CONFIGS = frozenset(
    """lastgood.toml pyproject.toml package.json package-lock.json tsconfig.json composer.json mkdocs.yml mkdocs.yaml
    docker-compose.yml docker-compose.yaml compose.yml compose.yaml setup.cfg tox.ini pytest.ini mypy.ini ruff.toml
    environment.yml environment.yaml codecov.yml renovate.json pyrightconfig.json biome.json turbo.json
    credentials.json""".split(),
)
_NO_CODE = frozenset({"setup.py", "conftest.py", "noxfile.py"})
_MODEL_COMPANIONS = re.compile(
    r"(?:config|generation_config|adapter_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|"
    r"preprocessor_config|model_index|modules|sentence_bert_config|config_sentence_transformers|.*\.index)\.json"
    r"|merges\.txt|vocab\.txt|.*\.model",
)
_VERSION = re.compile(r"\d+(?:\.\d+){1,2}")


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
            # A link instead of a rename: it never replaces what somebody else wrote meanwhile.
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
    """Return the components that a folder seems to hold."""
    folder = _Folder(root, tuple(_files(root)))
    for find in (_find_models, _find_evals, _find_prompts, _find_data, _find_locks, _find_code, _find_configs):
        find(folder)
    return tuple(folder.found)


@dataclass(frozen=True, slots=True)
class _Folder:
    """The files of a folder, and what was found among them so far; a path that is taken is not found again."""

    root: Path
    files: tuple[str, ...]
    found: list[Proposal] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    def propose(
        self, name: str, kind: Kind, paths: Iterable[str], keys: dict[str, str] | None = None, remark: str | None = None
    ) -> None:
        """Propose a component of those paths that are free and may stand in a release, if there are any."""
        free = []
        for path in (one for path in paths for one in self.free(path)):
            if self._fits(path):
                self.taken.append(path)
                free.append(path + "/" if path not in self.files else path)
        if free:
            self.found.append(Proposal(self._name(name), kind, tuple(free), keys or {}, remark))

    def free(self, path: str) -> list[str]:
        """Return what of a path is not taken: itself, or those of its files and folders that are free."""
        if any(path == one or path.startswith(one + "/") for one in self.taken):
            return []
        if not any(one.startswith(path + "/") for one in self.taken):
            return [path]
        inside = sorted({f"{path}/{name[len(path) + 1 :].partition('/')[0]}" for name in self.below(path)})
        return [one for child in inside for one in self.free(child)]

    def below(self, path: str) -> list[str]:
        """Return the files below a folder."""
        return [name for name in self.files if name.startswith(path + "/")]

    def folders(self, names: frozenset[str], deepest: int = 2) -> list[str]:
        """Return the folders of some names, at most so deep and none inside another."""
        tops = set()
        for path in self.files:
            parts = path.split("/")[:-1][:deepest]
            for depth, part in enumerate(parts):
                if part.lower() in names:
                    tops.add("/".join(parts[: depth + 1]))
                    break
                if part.lower() in _TEST_FOLDERS:
                    break
        return sorted(tops)

    def _fits(self, path: str) -> bool:
        try:
            check_path(path)
            check_together([*self.taken, path])
        except InvalidPath:
            return False
        return True

    def _name(self, wanted: str) -> str:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", wanted).strip("._-")[:60] or "component"
        names = {proposal.name for proposal in self.found}
        return next(one for one in (name, *(f"{name}-{number}" for number in range(2, 1000))) if one not in names)
