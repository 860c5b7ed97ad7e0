"""Reads `lastgood.toml` and checks everything in it that can be checked without reading a component's bytes.

Rules: unknown keys are refused, never ignored; all problems are told at once, each with its line and key; a file
belongs to one component; a kind that is not said is inferred from the files' names.

    workspace = read_workspace(root)
    workspace.components[0].kind
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from lastgood.errors import InvalidName, InvalidPath
from lastgood.ids import ComponentName, EnvironmentName, HookName, PipelineName
from lastgood.model.component import Kind
from lastgood.model.paths import check_path, check_together
from lastgood.workspace.declaration import (
    NEVER_WALKED,
    WORKSPACE_FILE,
    DeclaredComponent,
    DeclaredEnvironment,
    DeclaredHook,
    DeclaredMaking,
    Workspace,
)
from lastgood.workspace.document import Document, Problem, parse_document, read_bytes
from lastgood.workspace.kinds import kind_of_paths
from lastgood.workspace.positions import KeyPath
from lastgood.workspace.tables import ComponentTable, EnvironmentTable, FileTable, check_fields, fields_of, is_uri


def read_workspace(root: Path) -> Workspace:
    """Read the workspace file of a folder.

    Raises:
        NotFound: the folder has none.
        NotAllowed: it may not be read.
        InvalidWorkspace: it is not right; the message tells every problem with its line and key.
    """
    return parse_workspace(read_bytes(root), root)


def parse_workspace(data: bytes, root: Path) -> Workspace:
    """Read the bytes of a workspace file as that of a folder.

    Raises:
        InvalidWorkspace: as `read_workspace`.
    """
    document = parse_document(data)
    try:
        table = FileTable.model_validate(document.data)
    except ValidationError as error:
        raise document.refusal(list(_told(error))) from error
    reading = _Reading(document, root, table)
    components = tuple(reading.components())
    environments = tuple(reading.environments())
    reading.check_suites(components)
    reading.check_owners(components)
    reading.check_live_folders(components, environments)
    ranks = reading.ranks()
    if reading.problems:
        raise document.refusal(reading.problems)
    retention = None if table.retention is None else table.retention.policy()
    return Workspace(root, PipelineName(table.pipeline), components, environments, retention, document.raw, table.sign, ranks)


def _told(error: ValidationError) -> Iterator[Problem]:
    for found in error.errors(include_url=False):
        key = tuple(part for part in found["loc"] if part != "[key]")
        name = str(key[-1]) if key else ""
        match found["type"]:
            case "extra_forbidden":
                yield Problem(key, _unknown(name, _known_beside(key)))
            case "missing":
                yield Problem(key, _missing(name))
            case "model_type" | "dict_type" | "model_attributes_type":
                yield Problem(key, "must be a table")
            case "value_error":
                yield Problem(key, str(found["ctx"]["error"]))
            case _:
                yield Problem(key, found["msg"][:1].lower() + found["msg"][1:])


def _missing(name: str) -> str:
    return f'is missing; write {name} = "NAME"' if name == "pipeline" else "is missing"


def _known_beside(key: KeyPath) -> list[str]:
    return fields_of([part for part in key[:-1] if isinstance(part, str)])


def _unknown(name: str, known: list[str]) -> str:
    if name == "license":
        return "unknown key; write licence"
    close = difflib.get_close_matches(name, known, n=1)
    return f"unknown key; did you mean {close[0]}?" if close else f"unknown key; known are {', '.join(known)}"


class _Reading:
    """One reading of a well-shaped file: turns its tables into declarations and collects what is wrong with them."""

    def __init__(self, document: Document, root: Path, table: FileTable) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._root = root
        self._table = table
        self._check_name(("pipeline",), PipelineName, table.pipeline)

    def components(self) -> Iterator[DeclaredComponent]:
        """Read the component tables; one that has a problem is left out."""
        for name, table in self._table.components.items():
            key: KeyPath = ("components", name)
            before = len(self.problems)
            self._check_name(key, ComponentName, name)
            self._check_paths(key, table)
            self._check_sources((*key, "derived_from"), table.derived_from)
            if table.made_by is not None:
                self._check_sources((*key, "made_by", "inputs"), table.made_by.inputs)
            kind = self._kind(key, table) if len(self.problems) == before else None
            if kind is not None:
                self.problems += [Problem((*key, field), told) for field, told in check_fields(table, kind)]
            if kind is not None and len(self.problems) == before:
                yield self._component(name, table, kind)

    def environments(self) -> Iterator[DeclaredEnvironment]:
        """Read the environment tables."""
        for name, table in self._table.environments.items():
            self._check_name(("environments", name), EnvironmentName, name)
            self._check_soaks(name, table)
            yield DeclaredEnvironment(
                EnvironmentName(name),
                gates=tuple(gate.written() for gate in table.gates),
                live=table.live,
                freeze=tuple(window.written() for window in table.freeze),
                override=table.override is not False,
                hooks=tuple(self._hooks(name, table)),
            )

    def _hooks(self, environment: str, table: EnvironmentTable) -> Iterator[DeclaredHook]:
        seen: set[str] = set()
        for number, hook in enumerate(table.hooks):
            key: KeyPath = ("environments", environment, "hooks", number, "name")
            name = f"hook-{number + 1}" if hook.name is None else hook.name
            self._check_name(key, HookName, name)
            if name in seen:
                self.problems.append(Problem(key, f"another hook is called {name[:80]!r} already"))
            seen.add(name)
            yield DeclaredHook(HookName(name), hook.run, hook.url, hook.secret_env, hook.secret_file)

    def ranks(self) -> dict[str, int]:
        """Read the ranks of changes, each of a component of this file or of a kind."""
        ranks = self._table.diff.rank if self._table.diff else {}
        known = [*self._table.components, *Kind]
        self.problems += [Problem(("diff", "rank", name), _unknown(name, known)) for name in ranks if name not in known]
        return ranks

    def check_suites(self, components: tuple[DeclaredComponent, ...]) -> None:
        """Check that what an eval runs on is a dataset of this file."""
        kinds = {component.name: component.kind for component in components}
        for component in components:
            if component.on is not None and kinds.get(component.on) is not Kind.DATASET:
                key: KeyPath = ("components", component.name, "on")
                self.problems.append(Problem(key, f"there is no dataset component {component.on[:80]!r}"))

    def check_owners(self, components: tuple[DeclaredComponent, ...]) -> None:
        """Check that each path is named once, lies in no other, and can stand beside the others."""
        named = sorted(((path, number) for number, component in enumerate(components) for path in component.paths))
        owners: dict[str, DeclaredComponent] = {}
        for path, number in named:
            component = components[number]
            taken = next((folder for folder in _upward(path) if folder in owners), None)
            if taken is not None:
                self.problems.append(Problem(_path_key(component), _told_twice(path, taken, component, owners[taken])))
            owners.setdefault(path, component)
        if not self.problems:
            try:
                check_together(owners)
            except InvalidPath as error:
                self.problems.append(Problem(("components",), error.message))

    def check_live_folders(self, components: tuple[DeclaredComponent, ...], environments: tuple[DeclaredEnvironment, ...]) -> None:
        """Check that a live folder serves one environment and holds no component."""
        seen: dict[str, EnvironmentName] = {}
        for environment in environments:
            if environment.live is None:
                continue
            key: KeyPath = ("environments", environment.name, "live")
            if environment.live in seen:
                self.problems.append(Problem(key, f"is the live folder of {seen[environment.live]} already"))
            seen[environment.live] = environment.name
            for component in components:
                if any(_is_in(path, environment.live) for path in component.paths):
                    self.problems.append(Problem(key, f"holds files of the component {component.name}"))

    def _check_name(self, key: KeyPath, kind: type[PipelineName | ComponentName | EnvironmentName | HookName], name: str) -> None:
        try:
            kind.parse(name)
        except InvalidName as error:
            self.problems.append(Problem(key, f"{error.message}; {error.hint}" if error.hint else error.message))

    def _check_paths(self, key: KeyPath, table: ComponentTable) -> None:
        for name, paths in (("path", table.path), ("lock", table.lock)):
            wrong = [told for told in map(_what_is_wrong, paths or ()) if told]
            self.problems += [Problem((*key, name), told) for told in wrong]

    def _kind(self, key: KeyPath, table: ComponentTable) -> Kind | None:
        kind = table.kind or table.suggested_kind() or kind_of_paths(self._root, table.path or ())
        if kind is None:
            told = f"cannot be told from the files; write one of {', '.join(Kind)}" if table.path else "is missing"
            self.problems.append(Problem((*key, "kind" if table.path else "path"), told))
        return kind

    def _check_sources(self, key: KeyPath, sources: tuple[str, ...]) -> None:
        for source in sources:
            if source not in self._table.components and not is_uri(source):
                self.problems.append(Problem(key, f"{source[:80]!r} is neither a component of this file nor a URI"))

    def _check_soaks(self, name: str, table: EnvironmentTable) -> None:
        for number, gate in enumerate(table.gates):
            key: KeyPath = ("environments", name, "gates", number, "soak")
            if gate.soak is not None:
                self._check_name(key, EnvironmentName, gate.soak)
            if gate.soak == name:
                self.problems.append(Problem(key, "an environment cannot wait for itself"))

    def _component(self, name: str, table: ComponentTable, kind: Kind) -> DeclaredComponent:
        made = table.made_by
        return DeclaredComponent(
            name=ComponentName(name),
            kind=kind,
            paths=table.path or table.lock or (),
            line=self._document.line_of(("components", name, "path" if table.path else "lock")),
            provider=table.provider,
            model=table.model,
            fingerprint=table.fingerprint,
            key=table.key,
            store=table.store,
            uri=table.uri,
            version=table.version,
            digest=table.digest,
            run=table.run,
            on=ComponentName(table.on) if table.on is not None else None,
            python=table.python,
            platform=table.platform,
            container=table.container,
            made_by=DeclaredMaking(made.run, made.inputs, made.seed) if made else None,
            derived_from=table.derived_from,
            licence=table.licence,
        )


def _path_key(component: DeclaredComponent) -> KeyPath:
    return "components", component.name, "lock" if component.kind is Kind.RUNTIME else "path"


def _told_twice(path: str, taken: str, component: DeclaredComponent, owner: DeclaredComponent) -> str:
    what = f"{path} is named twice" if path == taken else f"{path} lies in {taken}"
    return f"{what}; a file belongs to one component, once" + (f", and {owner.name} has it" if owner is not component else "")


def _upward(path: str) -> Iterator[str]:
    yield path
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _what_is_wrong(path: str) -> str | None:
    if path in {"", "."}:
        return "names the whole workspace; name the files and folders that belong to the component"
    if path == WORKSPACE_FILE:
        return f"{WORKSPACE_FILE} is kept with every release and belongs to no component"
    try:
        check_path(path)
    except InvalidPath as error:
        return error.message
    if not NEVER_WALKED.isdisjoint(path.split("/")):
        return f"{path} is never part of a release"
    return None


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")
