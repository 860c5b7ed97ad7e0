"""Runtimes: what is said of packages, by the formats of lock files that people have, and by what goes wrong in them."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.compare.change import Note
from lastgood.compare.components import compare_component
from lastgood.compare.ranking import COSMETIC
from lastgood.compare.runtimes import Became, PackageChanges
from lastgood.errors import Invalid
from lastgood.formats.locks.reading import lock_format, read_lock
from lastgood.formats.locks.versions import order, step
from lastgood.model.component import Kind
from tests.compare.sides import NAME, Kept, compare_files_of, compare_one

USUAL = "https://pypi" + ".org/sim" + "ple"
A, B, C = ("sha256:" + letter * 64 for letter in "abc")


def uv(version: str, digest: str = A, source: str = f'registry = "{USUAL}"', name: str = "torch") -> str:
    wheel = f"{{ url = 'https://files.example/{name}-{version}-cp311.whl', hash = '{digest}' }}"
    return (
        f'version = 1\nrequires-python = ">=3.11"\n[[package]]\nname = "{name}"\nversion = "{version}"\n'
        f"source = {{ {source} }}\nwheels = [{wheel}]\n"
    )


def poetry(version: str, digest: str = A) -> str:
    files = f"files = [{{file = 'x-{version}.whl', hash = '{digest}'}}]"
    return f"[[package]]\nname = 'Transformers'\nversion = '{version}'\n{files}\n[metadata]\npython-versions = '^3.11'\n"


def pylock(version: str, digest: str = "a" * 64) -> str:
    wheel = f"{{name = 'numpy-{version}.whl', hashes = {{sha256 = '{digest}'}}}}"
    return f"lock-version = '1.0'\n[[packages]]\nname = 'numpy'\nversion = '{version}'\nwheels = [{wheel}]\n"


def pipfile(version: str) -> str:
    return json.dumps({"_meta": {}, "default": {"requests": {"version": f"=={version}", "hashes": [A]}}, "develop": {}})


def node(version: str) -> str:
    return json.dumps({"lockfileVersion": 3, "packages": {"": {}, "node_modules/@ai-sdk/openai": {"version": version}}})


@dataclass(frozen=True)
class Case:
    name: str
    path: str
    old: str | bytes
    new: str | bytes
    summary: str


CASES = (
    Case(
        "UTF-16 of Windows", "requirements.txt", "torch==2.3\n".encode("utf-16"), "torch==2.4\n".encode("utf-16"), "torch 2.3 → 2.4 (minor)"
    ),
    Case("a pin moved", "requirements.txt", "torch==2.3.1\n", "torch==2.4.0\n", "torch 2.3.1 → 2.4.0 (minor)"),
    Case("back", "requirements.lock", "vllm==0.6.2\n", "vllm==0.5.4\n", "vllm 0.6.2 → 0.5.4 (downgraded, minor)"),
    Case("a major", "requirements.txt", "openai==1.51.0\n", "openai==2.0.0\n", "openai 1.51.0 → 2.0.0 (major)"),
    Case("another build", "r.txt", "torch==2.3.0+cu118\n", "torch==2.3.0+cu121\n", "torch 2.3.0+cu118 → 2.3.0+cu121 (build)"),
    Case("out of a pre-release", "r.txt", "numpy==2.0rc1\n", "numpy==2.0\n", "numpy 2.0rc1 → 2.0 (pre-release)"),
    Case("names have many forms", "r.txt", "Flask_Cors==1.0\n", "flask.cors==1.1\n", "flask-cors 1.0 → 1.1 (minor)"),
    Case(
        "same version, other bytes, before all else",
        "r.txt",
        f"torch==2.3.1 \\\n  --hash={A}\nzip==1.0 --hash={A}\n",
        f"torch==2.4.0 --hash={B}\nzip==1.0 \\\n    --hash={C} \\\n    --hash={B}\n",
        "same version, different bytes: zip 1.0; torch 2.3.1 → 2.4.0 (minor)",
    ),
    Case(
        "what moves answers comes before the rest",
        "r.txt",
        "aiohttp==3.9\ntransformers==4.44.0\nzope==1\n",
        "aiohttp==4.0\ntransformers==4.44.1\nyarl==1\n",
        "transformers 4.44.0 → 4.44.1 (patch); aiohttp 3.9 → 4.0 (major); yarl 1 added; zope 1 removed",
    ),
    Case(
        "many are counted",
        "r.txt",
        "".join(f"p{number}==1.0\n" for number in range(9)) + "torch==1.0\n",
        "".join(f"p{number}==1.1\n" for number in range(8)) + "q==1\ntorch==1.0.1\n",
        "torch 1.0 → 1.0.1 (patch); 10 other packages: 8 upgraded, 1 added, 1 removed (p0 1.1, p1 1.1, …)",
    ),
    Case("a pin let go", "r.txt", "numpy==1.26.4\n", "numpy>=1.26\n", "numpy 1.26.4 → >=1.26"),
    Case(
        "another commit of a repository",
        "r.txt",
        "bot @ git+https://user:secret@git.example/bot@1a2b\n",
        "bot @ git+https://user:secret@git.example/bot@5d6e\n",
        "bot source changed: git+https://…@git.example/bot@1a2b → git+https://…@git.example/bot@5d6e",
    ),
    Case("an extra", "r.txt", "uvicorn==1.0\n", "uvicorn[standard]==1.0\n", "uvicorn wanted elsewhere: always → [standard]"),
    Case(
        "another index, without its password",
        "r.txt",
        "-i https://packages.example/all\ntorch==2\n",
        "-i https://me:token@evil.example/all\ntorch==2\n",
        "index https://packages.example/all → https://…@evil.example/all",
    ),
    Case("uv", "uv.lock", uv("2.3.1"), uv("2.4.0", B), "torch 2.3.1 → 2.4.0 (minor)"),
    Case("uv, other bytes", "uv.lock", uv("2.3.1"), uv("2.3.1", B), "same version, different bytes: torch 2.3.1"),
    Case(
        "uv, another source",
        "uv.lock",
        uv("2.3.1"),
        uv("2.3.1", A, 'registry = "https://mirror.example/all"'),
        "torch source changed: 2.3.1 → 2.3.1 https://mirror.example/all",
    ),
    Case("uv, another Python", "uv.lock", uv("2"), uv("2").replace(">=3.11", ">=3.12"), "requires-python >=3.11 → >=3.12"),
    Case("poetry", "poetry.lock", poetry("4.44.0"), poetry("4.45.0", B), "transformers 4.44.0 → 4.45.0 (minor)"),
    Case("pdm", "pdm.lock", "[[package]]\nname='a'\nversion='1.0'\n", "[[package]]\nname='a'\nversion='1.0.1'\n", "a 1.0 → 1.0.1 (patch)"),
    Case("pylock", "pylock.toml", pylock("2.0.0"), pylock("2.0.0", "b" * 64), "same version, different bytes: numpy 2.0.0"),
    Case("Pipfile", "Pipfile.lock", pipfile("2.31.0"), pipfile("2.32.0"), "requests 2.31.0 → 2.32.0 (minor)"),
    Case("npm", "package-lock.json", node("1.2.3"), node("1.3.0"), "@ai-sdk/openai 1.2.3 → 1.3.0 (minor)"),
    Case(
        "conda-lock",
        "conda-lock.yml",
        "package:\n- {name: numpy, version: '1.26', manager: conda, platform: linux-64}\n",
        "package:\n- {name: numpy, version: '2.0', manager: conda, platform: linux-64}\n",
        "numpy 1.26 → 2.0 (major)",
    ),
    Case(
        "pixi",
        "pixi.lock",
        "packages: [{conda: 'https://conda.example/linux-64/libgomp-14.1.0-h767d61c_2.conda', sha256: aa}]",
        "packages: [{conda: 'https://conda.example/linux-64/libgomp-15.2.0-h767d61c_7.conda', sha256: bb}]",
        "libgomp 14.1.0 → 15.2.0 (major)",
    ),
    Case(
        "a lock file of others",
        "yarn.lock",
        "left-pad@1:\n",
        "left-pad@2:\n",
        'yarn.lock: line 1: "left-pad@1:" → "left-pad@2:"',
    ),
    Case(
        "environment",
        "environment.yml",
        "dependencies: [python=3.11, {pip: ['torch==2.3']}]\n",
        "dependencies: [python=3.12, {pip: ['torch==2.4']}]\n",
        "python 3.11 → 3.12 (minor); torch 2.3 → 2.4 (minor)",
    ),
    Case(
        "explicit",
        "conda.lock",
        "@EXPLICIT\nhttps://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.4-py311h64a7726_0.conda#aa\n",
        "@EXPLICIT\nhttps://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.4-py311h64a7726_0.conda#bb\n",
        "same version, different bytes: numpy 1.26.4",
    ),
    Case("an image", "Dockerfile", "FROM python:3.11-slim\n", "FROM python:3.12-slim\n", "python 3.11-slim → 3.12-slim"),
    Case(
        "an image that moved under its tag",
        "Dockerfile",
        f"FROM vllm/vllm-openai:v0.6@{A} AS base\nFROM base\n",
        f"FROM vllm/vllm-openai:v0.6@{B} AS base\nFROM base\n",
        "same tag, different image: vllm/vllm-openai v0.6",
    ),
    Case(
        "comments and order",
        "r.txt",
        "a==1\nb==2\n",
        "# fine\nb==2\na==1\n",
        "r.txt: only comments, layout or the order of packages changed",
    ),
    Case(
        "broken requirements",
        "requirements.txt",
        "torch==2.3.1\n",
        "torch 2.4.0 please\n",
        "requirements.txt: the new file is not a valid requirements file, line 1: 'torch 2.4.0 please' is no requirement, compared as"
        ' text; requirements.txt: line 1: "torch==2.3.1" → "torch 2.4.0 please"',
    ),
    Case(
        "broken TOML",
        "uv.lock",
        "version = \n",
        "version = 1\n",
        'uv.lock: the old file is not valid TOML, line 1: Invalid value, compared as text; uv.lock: line 1: "version =" → "version = 1"',
    ),
    Case(
        "a table without packages",
        "uv.lock",
        "lock = 1\n",
        "lock = 2\n",
        'uv.lock: the old file is not a valid uv.lock: it lists no packages, compared as text; uv.lock: line 1: "lock = 1" → "lock = 2"',
    ),
    Case("no lock file", ".python-version", "3.11\n", "3.12\n", '.python-version: line 1: "3.11" → "3.12"'),
    Case(
        "no text",
        "requirements.txt",
        "\x00\x01",
        "\x00\x02",
        "requirements.txt changed (2 bytes, as before), it is binary: compared by its digest only",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_said(case: Case) -> None:
    assert compare_one(Kind.RUNTIME, case.path, case.old, case.new).summary == case.summary


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_is_said_for_programs(case: Case) -> None:
    for detail in compare_one(Kind.RUNTIME, case.path, case.old, case.new).details:
        assert json.loads(json.dumps(detail.to_json()))["type"] in {"packages", "text", "note", "file"}
        assert list(detail.shown())
        assert len(list(detail.shown(everything=True))) >= len(list(detail.shown()))


def test_python_is_said_before_packages_and_other_bytes_before_both() -> None:
    kept = Kept()
    old = kept.side(Kind.RUNTIME, {"r.txt": f"torch==2.3 --hash={A}\n"}, python="3.11", container="sha256:aa")
    new = kept.side(Kind.RUNTIME, {"r.txt": f"torch==2.3 --hash={B}\n"}, python="3.12", container="sha256:bb")
    said = compare_component(NAME, old, new, kept).summary
    assert said == "same version, different bytes: torch 2.3; Python 3.11 → 3.12; container sha256:aa → sha256:bb"


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("r.txt", "a==1\n", "\n# comment\na == 1\n"),
        ("r.txt", f"a==1 --hash={A}\n", f"a==1 --hash={A} --hash={B}\n"),
        ("r.txt", "a==1 --hash=md5:aa\n", f"a==1 --hash={A}\n"),
        ("uv.lock", uv("2"), "\n" + uv("2")),
    ],
)
def test_what_installs_the_same_is_cosmetic(path: str, old: str, new: str) -> None:
    assert compare_one(Kind.RUNTIME, path, old, new).rank >= COSMETIC


@pytest.mark.parametrize(("old", "new"), [("a==1\n", "a==1.0.1\n"), (f"a==1 --hash={A}\n", f"a==1 --hash={B}\n"), ("a\n", "--pre\na\n")])
def test_what_installs_something_else_is_not(old: str, new: str) -> None:
    assert compare_one(Kind.RUNTIME, "r.txt", old, new).rank < COSMETIC


def test_files_that_are_named_and_not_followed_are_said() -> None:
    change = compare_one(Kind.RUNTIME, "r.txt", "-r base.txt\na==1\n", "-r base.txt\na==2\n")
    assert Note("r.txt", "base.txt is named and was not followed") in change.details


def test_a_package_that_stands_there_twice_is_compared_whole() -> None:
    old = "numpy==1.26 ; python_version < '3.12'\nnumpy==2.0 ; python_version >= '3.12'\n"
    change = compare_one(Kind.RUNTIME, "r.txt", old, old.replace("2.0", "2.1"))
    assert change.summary == "numpy 1.26, 2.0 → 1.26, 2.1"


def test_long_lists_are_cut_and_say_so() -> None:
    files = ["".join(f"p{number:03}=={version}.0\n" for number in range(100)) for version in (1, 2)]
    (packages,) = compare_one(Kind.RUNTIME, "r.txt", *files).details
    assert isinstance(packages, PackageChanges)
    assert len(packages.packages) == 100
    assert len(json.dumps(packages.to_json()["packages"])) > 100
    drawn = [str(block) for block in packages.shown()]
    assert "88 more packages; --all shows them" in drawn[-1]
    assert all(one.became is Became.UPGRADED and one.step == "major" for one in packages.packages)


def test_a_lock_file_that_came_is_told_as_a_file() -> None:
    change = compare_files_of(Kind.RUNTIME, {"r.txt": "a==1\n"}, {"r.txt": "a==1\n", "uv.lock": uv("1")})
    assert change.summary.startswith("uv.lock added")


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.9", "1.10"),
        ("1.0.dev1", "1.0a1"),
        ("1.0a1", "1.0b1"),
        ("1.0b2", "1.0rc1"),
        ("1.0rc1", "1.0"),
        ("1.0", "1.0.post1"),
        ("1.0.post1.dev1", "1.0.post1"),
        ("1.0", "1.0+cu118"),
        ("1.0+cu118", "1.0+cu121"),
        ("2.0", "1!1.0"),
        ("v1.2", "1.3"),
        ("2024-05-01x", "2024-11-01x"),
        ("3.11-slim", "3.12-slim"),
    ],
)
def test_versions_are_ordered(older: str, newer: str) -> None:
    assert (order(older, newer), order(newer, older), order(older, older)) == (-1, 1, 0)


@pytest.mark.parametrize(("one", "other"), [("1.0", "1.0.0"), ("1.0c1", "1.0rc1"), ("1.0-1", "1.0.post1")])
def test_versions_that_are_one_are_one(one: str, other: str) -> None:
    assert order(one, other) == 0


def test_nobody_orders_what_has_no_order() -> None:
    assert order("main", "main-") is None
    assert step("main", "1.0") is None
    assert order("1" * 200, "2" * 200) is None


HOSTILE = [
    ("r.txt", b"=" * 100_000),
    ("r.txt", b"a" + b"==1" * 60_000),
    ("r.txt", b"a[" + b"-" * 190_000),
    ("r.txt", b"./" + b"-1" * 90_000 + b"\n"),
    ("r.txt", b"\\\n" * 200_000),
    ("r.txt", b"a==1\\"),
    ("r.txt", b"@EXPLICIT\n" + b"a-" * 100_000),
    ("Dockerfile", b"FROM " + b":" * 200_000),
    ("Dockerfile", b"RUN true\n"),
    ("uv.lock", b"package = 3"),
    ("uv.lock", b"[[package]]\nversion = '1'\n"),
    ("uv.lock", b"a." * 100_000 + b"b = 1"),
    ("Pipfile.lock", b"[" * 100_000),
    ("package-lock.json", b"{}"),
    ("conda-lock.yml", b"package: &a [*a]"),
    ("environment.yml", b"dependencies: [[]]"),
    ("r.txt", b"\xff\xfe"),
]


@pytest.mark.parametrize(("path", "data"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_files_are_read_or_refused(path: str, data: bytes) -> None:
    refused = ""
    try:
        read_lock(path, data)
    except Invalid as error:
        refused = error.message
    assert not refused or (refused.startswith(path) and len(refused) < 500)


@given(st.text(max_size=200), st.sampled_from(["r.txt", "uv.lock", "Dockerfile", "conda-lock.yml", "package-lock.json"]))
def test_whatever_stands_there_is_read_or_refused(text: str, path: str) -> None:
    try:
        lock = read_lock(path, text.encode())
    except Invalid:
        return
    assert all(one.name for one in lock.packages)


@given(st.text(alphabet="0123456789.abrcdevpost+-!", max_size=12), st.text(alphabet="0123456789.abrcdevpost+-!", max_size=12))
def test_an_order_has_an_opposite(one: str, other: str) -> None:
    there, back = order(one, other), order(other, one)
    assert (there is None and back is None) or (there is not None and back is not None and there == -back)


def test_names_say_formats() -> None:
    said = {
        path: lock_format(path) for path in ("a/uv.lock", "Dockerfile.gpu", "gpu.Dockerfile", "requirements-dev.txt", "pylock.gpu.toml")
    }
    assert list(said.values()) == ["uv.lock", "Dockerfile", "Dockerfile", "requirements file", "pylock.toml"]
    assert lock_format("pyproject.toml") is None
