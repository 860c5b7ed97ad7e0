"""Lock files that are tables, each read from the tree that a reader of TOML, JSON or YAML made.

uv.lock, poetry.lock, pdm.lock, pylock.toml (PEP 751), Pipfile.lock, package-lock.json, and those of conda and pixi.

Rules: the tree is bounded by whoever made it; of a package a reader takes name, version, source and the digests of its
files, and passes over the rest; a tree that has no packages where the format has them is refused.

    >>> tree = {"package": [{"name": "Torch", "version": "2.3.1", "source": {"git": "https://git.example/torch#1a2b"}}]}
    >>> [(one.name, one.version, one.source) for one in read_uv(tree).packages]
    [('torch', '2.3.1', 'git https://git.example/torch#1a2b')]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from lastgood.canonical import Json
from lastgood.formats.locks.lock import LONGEST_NAME, MOST_PACKAGES, Ecosystem, Lock, Package, hash_of, normal_name, without_secret
from lastgood.formats.tree import Malformed

_USUAL = re.compile(r"https://(pypi[.]org/|files[.]pythonhosted[.]org/|registry[.]npmjs[.]org/).*")
_CONDA_FILE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)-(?P<version>[^-/]+)-[^-/]+\.(?:conda|tar\.bz2)")
_CONDA = re.compile(r"(?:(?P<channel>[^\s:]+)::)?(?P<name>[A-Za-z0-9._-]+)\s*(?P<spec>.*)")
Table = Mapping[str, Json]


def read_uv(tree: Json) -> Lock:
    """Read a uv.lock."""
    top = _table(tree)

    def package(one: Table) -> Package:
        files = _files([*_tables(one.get("wheels")), *_tables([one.get("sdist")])])
        return _package(one, _uv_source(_table(one.get("source"))), files)

    facts = _facts({"requires-python": top.get("requires-python")})
    # Of nothing but a version the lock of a script without dependencies is made.
    return Lock(Ecosystem.PYTHON, _packages(top.get("package", [] if "version" in top else None), package), facts)


def _uv_source(source: Table) -> str | None:
    if "registry" in source:
        return _unusual(_text(source["registry"]))
    return next((f"{kind} {without_secret(where)}" for kind, where in _texts(source)), None)


def read_poetry(tree: Json) -> Lock:
    """Read a poetry.lock, of version 1.0 with its files in one table, or later."""
    top = _table(tree)
    metadata = _table(top.get("metadata"))
    elsewhere = _table(metadata.get("files"))

    def package(one: Table) -> Package:
        source = _table(one.get("source"))
        reference = _text(source.get("resolved_reference")) or _text(source.get("reference")) or ""
        where = _text(source.get("url"))
        said = None if where is None else f"{_text(source.get('type')) or 'url'} {without_secret(where)} {reference}".strip()
        files = _files(_tables(one.get("files") or elsewhere.get(_text(one.get("name")) or "")))
        return _package(one, said, files, _text(one.get("markers")))

    return Lock(Ecosystem.PYTHON, _packages(top.get("package"), package), _facts({"python": metadata.get("python-versions")}))


def read_pdm(tree: Json) -> Lock:
    """Read a pdm.lock, of version 3 with its files in one table, or later."""
    top = _table(tree)
    metadata = _table(top.get("metadata"))
    elsewhere = _table(metadata.get("files"))

    def package(one: Table) -> Package:
        where = next((f"{kind} {without_secret(said)}" for kind in ("git", "url", "path") if (said := _text(one.get(kind)))), None)
        revision = _text(one.get("revision"))
        known = elsewhere.get(f"{_text(one.get('name'))} {_text(one.get('version'))}")
        return _package(
            one,
            f"{where} {revision}" if where and revision else where,
            _files(_tables(one.get("files") or known)),
            _text(one.get("marker")),
        )

    return Lock(Ecosystem.PYTHON, _packages(top.get("package"), package), _facts({"requires-python": metadata.get("requires_python")}))


def read_pylock(tree: Json) -> Lock:
    """Read a pylock.toml (https://packaging.python.org/en/latest/specifications/pylock-toml/)."""
    top = _table(tree)

    def package(one: Table) -> Package:
        archive = _table(one.get("archive"))
        files = _files([*_tables(one.get("wheels")), *_tables([one.get("sdist")]), *([archive] if archive else [])])
        return _package(one, _pylock_source(one, archive), files, _text(one.get("marker")))

    facts = _facts({"requires-python": top.get("requires-python"), "lock-version": top.get("lock-version")})
    return Lock(Ecosystem.PYTHON, _packages(top.get("packages"), package), facts)


def _pylock_source(one: Table, archive: Table) -> str | None:
    vcs, directory = _table(one.get("vcs")), _table(one.get("directory"))
    if vcs:
        where = _text(vcs.get("url")) or _text(vcs.get("path")) or ""
        return f"{_text(vcs.get('type')) or 'vcs'} {without_secret(where)} {_text(vcs.get('commit-id')) or ''}".strip()
    if directory:
        return f"{'editable' if directory.get('editable') is True else 'directory'} {_text(directory.get('path')) or ''}".strip()
    if archive:
        return f"archive {without_secret(_text(archive.get('url')) or _text(archive.get('path')) or '')}".strip()
    return _unusual(_text(one.get("index")))


def read_pipfile(tree: Json) -> Lock:
    """Read a Pipfile.lock, packages for development included."""
    top = _table(tree)
    meta = _table(top.get("_meta"))
    if not isinstance(top.get("default"), Mapping):
        raise Malformed('it has no table "default"')
    packages = []
    for section in ("default", "develop"):
        for name, value in _table(top.get(section)).items():
            one = _table(value)
            where = next((f"{kind} {without_secret(said)}" for kind in ("git", "file", "path") if (said := _text(one.get(kind)))), None)
            reference = _text(one.get("ref"))
            listed = one.get("hashes")
            hashes = frozenset(filter(None, map(hash_of, listed if isinstance(listed, list) else ())))
            version = (_text(one.get("version")) or "").removeprefix("==") or None
            said = f"{where} {reference}" if where and reference else where
            packages.append(Package(normal_name(_name(name)), version, said, hashes, marker=_text(one.get("markers"))))
    return Lock(Ecosystem.PYTHON, _bounded(packages), _facts({"python": _table(meta.get("requires")).get("python_version")}))


def read_package_lock(tree: Json) -> Lock:
    """Read a package-lock.json, of whatever version."""
    top = _table(tree)
    if isinstance(top.get("packages"), Mapping):
        found = ((path.rpartition("node_modules/")[2], _table(one)) for path, one in _table(top["packages"]).items() if path)
        return Lock(Ecosystem.NODE, _bounded([_node(name, one) for name, one in found]))
    if isinstance(top.get("dependencies"), Mapping):
        return Lock(Ecosystem.NODE, _bounded(list(_nested(top))))
    raise Malformed('it has neither "packages" nor "dependencies"')


def _nested(top: Table) -> Iterator[Package]:
    for name, value in _table(top.get("dependencies")).items():
        one = _table(value)
        yield _node(name, one)
        yield from _nested(one)


def _node(name: str, one: Table) -> Package:
    hashes = frozenset(filter(None, map(hash_of, (_text(one.get("integrity")) or "").split())))
    return Package(_name(name), _text(one.get("version")), _unusual(_text(one.get("resolved"))), hashes)


def read_conda_lock(tree: Json) -> Lock:
    """Read a conda-lock.yml."""

    def package(one: Table) -> Package:
        url = _text(one.get("url")) or ""
        hashes = frozenset(f"{kind}:{said}" for kind, said in _texts(_table(one.get("hash"))))
        name = url.rpartition("/")[2].partition("#")[0]
        files = frozenset((name, said) for said in hashes if name and said.startswith("sha256:"))
        said = _text(one.get("name")) or ""
        plain = normal_name(said) if one.get("manager") == "pip" else said.lower()
        return Package(_name(plain), _text(one.get("version")), None, hashes, files, _text(one.get("platform")))

    return Lock(Ecosystem.CONDA, _packages(_table(tree).get("package"), package))


def read_pixi(tree: Json) -> Lock:
    """Read a pixi.lock, whose packages of conda are named by their URLs only."""

    def package(one: Table) -> Package:
        url = next((said for key in ("conda", "pypi", "url") if (said := _text(one.get(key)))), "")
        file = url.partition("#")[0].rpartition("/")[2]
        named = _CONDA_FILE.fullmatch(file) if len(file) <= LONGEST_NAME else None
        name = _text(one.get("name")) or (named["name"] if named else file)
        said = _text(one.get("sha256"))
        files = frozenset({(file, f"sha256:{said}")}) if said else frozenset()
        version = _text(one.get("version")) or (named["version"] if named else None)
        return Package(_name(name.lower()), version, None, frozenset(digest for _, digest in files), files)

    return Lock(Ecosystem.CONDA, _packages(_table(tree).get("packages"), package))


def read_environment(tree: Json) -> Lock:
    """Read an environment.yml of conda, the packages that pip installs there included."""
    top = _table(tree)
    listed = top.get("dependencies")
    if not isinstance(listed, list):
        raise Malformed('it has no list "dependencies"')
    packages: list[Package] = []
    for one in listed:
        if isinstance(one, str):
            packages.append(_conda_package(one))
        else:
            packages += _pip_packages(_table(one).get("pip"))
    channels = top.get("channels")
    named = [without_secret(one) for one in channels if isinstance(one, str)] if isinstance(channels, list) else []
    return Lock(Ecosystem.CONDA, _bounded(packages), _facts({"channels": ", ".join(named) or None}))


def _conda_package(text: str) -> Package:
    found = _CONDA.fullmatch(text.strip())
    if found is None:
        raise Malformed(f"{text[:80]!r} names no package")
    spec = found["spec"].strip()
    version, _, build = spec.lstrip("=").partition("=") if spec.startswith("=") else (spec, "", "")
    return Package(_name(found["name"].lower()), version or None, found["channel"], frozenset({f"build:{build}"}) if build else frozenset())


def _pip_packages(listed: Json) -> Iterator[Package]:
    from lastgood.formats.locks.requirements import read_requirements  # noqa: PLC0415  # seldom there

    lines = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    yield from read_requirements("\n".join(lines)).packages


def _packages(listed: Json, read: Callable[[Table], Package]) -> tuple[Package, ...]:
    if not isinstance(listed, list):
        raise Malformed("it lists no packages")
    return _bounded([read(_table(one)) for one in listed])


def _bounded(packages: list[Package]) -> tuple[Package, ...]:
    if len(packages) > MOST_PACKAGES:
        raise Malformed(f"it names more than {MOST_PACKAGES:,} packages")
    return tuple(packages)


def _package(one: Table, source: str | None, files: frozenset[tuple[str, str]], marker: str | None = None) -> Package:
    name = normal_name(_name(_text(one.get("name")) or ""))
    return Package(name, _text(one.get("version")), source, frozenset(said for _, said in files), files, marker)


def _name(text: str) -> str:
    if not text or len(text) > LONGEST_NAME:
        raise Malformed("a package has no name, or one that is far too long")
    return text


def _files(tables: list[Table]) -> frozenset[tuple[str, str]]:
    found = set()
    for one in tables:
        named = next((said for key in ("file", "name", "filename", "url", "path") if (said := _text(one.get(key)))), "")
        hashes = [hash_of(one.get("hash")), *(f"{kind}:{said}" for kind, said in _texts(_table(one.get("hashes"))))]
        found |= {(named.partition("#")[0].rpartition("/")[2], said) for said in hashes if said}
    return frozenset(found)


def _facts(found: Mapping[str, Json]) -> tuple[tuple[str, str], ...]:
    return tuple((name, said) for name, value in found.items() if (said := _text(value)) is not None)


def _unusual(url: str | None) -> str | None:
    return None if url is None or _USUAL.fullmatch(url) else without_secret(url)


def _table(value: Json) -> Table:
    return value if isinstance(value, Mapping) else {}


def _tables(value: Json) -> list[Table]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _texts(table: Table) -> Iterator[tuple[str, str]]:
    yield from ((key, value) for key, value in table.items() if isinstance(value, str))


def _text(value: Json) -> str | None:
    """Return a value as text; a version that YAML takes for a number is one, too."""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
