"""The workspace file: what it declares, and how it says what is wrong."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.errors import InvalidWorkspace, NotAllowed, NotFound
from lastgood.model.component import Kind
from lastgood.workspace.declaration import DeclaredMaking, Workspace
from lastgood.workspace.file import parse_workspace, read_workspace
from lastgood.workspace.finding import find_workspace
from tests.workspace.folders import fill, unprivileged

WHOLE = """\
# lastgood.toml
pipeline = "support-bot"

[components.router]                 # kind is inferred from the files, or said
kind = "artifact"
path = "models/router/"
made_by = { run = "python train.py", inputs = ["train"], seed = 7 }

[components.llm]
kind = "hosted"
provider = "openai"
model = "gpt-4.1-2025-04-14"

[components.prompts]
kind = "prompt"
path = "prompts/"
licence = "CC-BY-4.0"

[components.routing]
kind = "config"
path = ["config/routing.yaml", "./config/tools.json"]

[components.train]
kind = "dataset"
path = "data/train.jsonl"
key = "id"
derived_from = ["s3://lake/tickets@v7"]

[components.holdout]
store = "reference"
uri = "s3://lake/holdout"
version = "v7"

[components.quality]
kind = "eval"
path = "evals/quality/"
run = "python evals/quality/run.py"
on = "holdout"

[components.runtime]
lock = "requirements.lock"
python = "3.11"

[environments.prod]
live = "run/prod/"
gates = [
  { metric = "quality.accuracy", min = 0.90, max_drop = 0.01 },
  { approvals = 1 },
  { soak = "staging", hours = 24 },
]

[environments.staging]

[retention]
keep_last = 50
keep_deployed = "400d"
keep_tagged = true
"""


def parse(text: str, root: Path = Path("/nowhere")) -> Workspace:
    return parse_workspace(text.encode(), root)


def told(text: str, root: Path = Path("/nowhere")) -> list[tuple[int, str, str]]:
    """Return what is wrong with a file: line, key and message."""
    with pytest.raises(InvalidWorkspace) as caught:
        parse(text, root)
    problems = caught.value.details["problems"]
    assert isinstance(problems, list)
    for problem in problems:
        assert f"lastgood.toml:{problem['line']}: " in caught.value.message
    return [(problem["line"], problem["key"], problem["message"]) for problem in problems]


def test_it_declares_components_of_every_kind() -> None:
    declared = {str(one.name): one for one in parse(WHOLE).components}

    assert [one.kind for one in declared.values()] == [
        Kind.ARTIFACT,
        Kind.HOSTED,
        Kind.PROMPT,
        Kind.CONFIG,
        Kind.DATASET,
        Kind.DATASET,
        Kind.EVAL,
        Kind.RUNTIME,
    ]
    assert declared["router"].paths == ("models/router",)
    assert declared["router"].made_by == DeclaredMaking("python train.py", ("train",), 7)
    assert (declared["llm"].provider, declared["llm"].model, declared["llm"].has_files) == ("openai", "gpt-4.1-2025-04-14", False)
    assert declared["routing"].paths == ("config/routing.yaml", "config/tools.json")
    assert (declared["train"].key, declared["train"].derived_from) == ("id", ("s3://lake/tickets@v7",))
    assert (declared["holdout"].by_reference, declared["holdout"].version, declared["holdout"].digest) == (True, "v7", None)
    assert (declared["quality"].run, declared["quality"].on) == ("python evals/quality/run.py", "holdout")
    assert (declared["runtime"].paths, declared["runtime"].python) == (("requirements.lock",), "3.11")
    assert declared["prompts"].licence == "CC-BY-4.0"


def test_it_declares_ranks_of_kinds_and_of_its_components() -> None:
    assert parse(WHOLE + "[diff.rank]\ndataset = 15\ntrain = 0\n").ranks == {"dataset": 15, "train": 0}
    assert parse(WHOLE).ranks == {}


def test_it_declares_environments_and_retention() -> None:
    workspace = parse(WHOLE, Path("/somewhere"))

    prod, staging = workspace.environments
    assert [dict(gate) for gate in prod.gates] == [
        {"metric": "quality.accuracy", "min": 0.9, "max_drop": 0.01},
        {"approvals": 1},
        {"soak": "staging", "hours": 24},
    ]
    assert (prod.live, workspace.live_folders) == ("run/prod", (Path("/somewhere/run/prod"),))
    assert (staging.gates, staging.live) == ((), None)
    assert workspace.retention is not None
    rules = workspace.retention.rules
    assert rules.keep_deployed == {"*": timedelta(days=400)}
    assert (rules.keep_last, rules.keep_tagged) == (50, True)


def test_it_keeps_the_bytes_of_the_file_and_the_lines_of_paths() -> None:
    data = b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode()

    workspace = parse_workspace(data, Path("/nowhere"))

    assert workspace.file_bytes == data
    lines = WHOLE.split("\n")
    assert [lines[one.line - 1] for one in workspace.components if one.name == "prompts"] == ['path = "prompts/"']


COMPONENT = 'pipeline = "p"\n[components.c]\n'


@pytest.mark.parametrize(
    ("text", "line", "key", "message"),
    [
        ("", 1, "pipeline", 'is missing; write pipeline = "NAME"'),
        ('pipelin = "p"\npipeline = "p"', 1, "pipelin", "unknown key; did you mean pipeline?"),
        ('\n\npipeline = "a b"', 3, "pipeline", "'a b' is not a pipeline name"),
        ("pipeline = 3", 1, "pipeline", "input should be a valid string"),
        ('pipeline = "p"\n[[components]]', 2, "components", "must be a table"),
        ('pipeline = "p"\ncomponents.c = 3', 2, "components.c", "must be a table"),
        (COMPONENT + 'path = "x"\nkind = "foo"', 4, "components.c.kind", "must be one of artifact, hosted, prompt"),
        (COMPONENT + 'kind = "code"', 2, "components.c.path", "is missing; a component of the kind code needs it"),
        (COMPONENT + 'kind = "code"\npath = []', 4, "components.c.path", "must not be empty"),
        (COMPONENT + 'kind = "code"\npath = 3', 4, "components.c.path", "must be a text or a list of texts"),
        (COMPONENT + 'kind = "code"\npath = "../x"', 4, "components.c.path", "it has a '..' part"),
        (COMPONENT + 'kind = "code"\npath = "/etc"', 4, "components.c.path", "it is absolute"),
        (COMPONENT + 'kind = "code"\npath = "a\\\\b"', 4, "components.c.path", "it has a backslash"),
        (COMPONENT + 'kind = "code"\npath = "a\\nb"', 4, "components.c.path", "it has a control character"),
        (COMPONENT + 'kind = "code"\npath = "."', 4, "components.c.path", "names the whole workspace"),
        (COMPONENT + 'kind = "code"\npath = ".git/hooks"', 4, "components.c.path", "is never part of a release"),
        (COMPONENT + 'kind = "code"\npath = ".lastgood"', 4, "components.c.path", "lastgood's own folder"),
        (COMPONENT + 'kind = "code"\npath = "lastgood.toml"', 4, "components.c.path", "belongs to no component"),
        (COMPONENT + 'kind = "code"\npath = ["a", "a"]', 4, "components.c.path", "a is named twice"),
        (COMPONENT + 'kind = "code"\npath = ["a/b", "a"]', 4, "components.c.path", "a/b lies in a;"),
        (COMPONENT + 'kind = "code"\npath = ["a/B", "a/b"]', 2, "components", "are one file on some file systems"),
        (COMPONENT + 'kind = "code"\npath = "x"\nlicense = "MIT"', 5, "components.c.license", "write licence"),
        (COMPONENT + 'kind = "code"\npath = "x"\nprovidr = "p"', 5, "components.c.providr", "did you mean provider?"),
        (COMPONENT + 'kind = "code"\npath = "x"\nkey = "id"', 5, "components.c.key", "a component of the kind code has no key"),
        (COMPONENT + 'kind = "hosted"\nprovider = "openai"', 2, "components.c.model", "is missing"),
        (COMPONENT + 'kind = "hosted"\nprovider = ""\nmodel = "m"', 4, "components.c.provider", "at least 1 character"),
        (COMPONENT + 'kind = "runtime"\npath = "uv.lock"', 4, "components.c.path", "a component of the kind runtime has no path"),
        (COMPONENT + 'store = "s3"\nuri = "s3://b"', 2, "components.c", 'store must be "reference"'),
        (COMPONENT + 'store = "reference"\nuri = "s3://b"', 2, "components.c.version", "needs a version or a digest"),
        (COMPONENT + 'store = "reference"\nversion = "1"', 2, "components.c.uri", "is missing"),
        (COMPONENT + 'path = "x"\nrun = "y"\non = "z"', 5, "components.c.on", "there is no dataset component 'z'"),
        (COMPONENT + 'path = "x"\nrun = "y"\non = "c"', 5, "components.c.on", "there is no dataset component 'c'"),
        (COMPONENT + 'kind = "code"\npath = "x"\nderived_from = "nobody"', 5, "components.c.derived_from", "neither a component"),
        (COMPONENT + 'kind = "code"\npath = "x"\nmade_by = { inputs = ["q"] }', 5, "components.c.made_by.inputs", "neither"),
        (COMPONENT + 'kind = "code"\npath = "x"\nmade_by = { sed = 1 }', 5, "components.c.made_by.sed", "did you mean seed?"),
        (COMPONENT + 'kind = "code"\npath = "x"\nmade_by = { seed = 1.5 }', 5, "components.c.made_by.seed", "valid integer"),
        (COMPONENT + 'kind = "code"\npath = "x"\nmade_by.seed = 9007199254740992', 5, "components.c.made_by.seed", "less than"),
        ('pipeline = "p"\n[components."a b"]\nkind = "code"\npath = "x"', 2, "components.a b", "is not a component name"),
        ('pipeline = "p"\n[environments.r12]', 2, "environments.r12", "looks like a release number"),
        ('pipeline = "p"\n[environments.prod]\nlive = "../x"', 3, "environments.prod.live", "no folder that can be switched"),
        ('pipeline = "p"\n[environments.prod]\ngate = []', 3, "environments.prod.gate", "did you mean gates?"),
        (
            'pipeline = "p"\n[environments.prod]\ngates = [\n  { approvals = 1 },\n  { aprovals = 1 },\n]',
            5,
            "environments.prod.gates[1].aprovals",
            "did you mean approvals?",
        ),
        (
            'pipeline = "p"\n[environments.prod]\n[[environments.prod.gates]]\napprovals = 1\n[[environments.prod.gates]]\nhours = 3',
            5,
            "environments.prod.gates[1]",
            "is no gate",
        ),
        ('pipeline = "p"\n[environments.prod]\ngates = [{ approvals = 0 }]', 3, "environments.prod.gates[0].approvals", "or equal to 1"),
        ('pipeline = "p"\n[environments.prod]\ngates = [{ approvals = true }]', 3, "environments.prod.gates[0].approvals", "integer"),
        ('pipeline = "p"\n[environments.prod]\ngates = [{ metric = "a.b", min = nan }]', 3, "environments.prod.gates[0].min", "a number"),
        ('pipeline = "p"\n[environments.prod]\ngates = [{ metric = "a", min = 1 }]', 3, "environments.prod.gates[0].metric", "pattern"),
        (
            'pipeline = "p"\n[environments.prod]\ngates = [{ soak = "prod", hours = 1 }]',
            3,
            "environments.prod.gates[0].soak",
            "cannot wait for itself",
        ),
        ('pipeline = "p"\n[retention]\nkeep_deployed = "3y"', 3, "retention.keep_deployed", "must be a duration"),
        ('pipeline = "p"\n[diff.rank]\ndatset = 1', 3, "diff.rank.datset", "unknown key; did you mean dataset?"),
        ('pipeline = "p"\n[diff.rank]\nprompt = 100', 3, "diff.rank.prompt", "a whole number from 0, which comes first, to 99"),
        ('pipeline = "p"\n[diff.rank]\nprompt = true', 3, "diff.rank.prompt", "a whole number"),
        ('pipeline = "p"\n[diff]\nranks = {}', 3, "diff.ranks", "did you mean rank?"),
        ('pipeline = "p"\n[retention]\nkeep_last = 0', 3, "retention.keep_last", "greater than or equal to 1"),
        ('pipeline = "p"\n[retention]\nkeep_tagged = "yes"', 3, "retention.keep_tagged", "valid boolean"),
    ],
)
def test_a_problem_is_told_with_its_line_and_key(text: str, line: int, key: str, message: str) -> None:
    found = {name: (at, what) for at, name, what in told(text)}

    assert found[key][0] == line
    assert message in found[key][1]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('pipeline = "p"\nx = = 1', 2, "this is not TOML: Invalid value"),
        ('pipeline = "p"\n\n[a', 3, "this is not TOML: Expected ']'"),
        ('pipeline = "p"\npipeline = "p"', 2, "this is not TOML: Cannot overwrite"),
        ("a = " + "[" * 5_000, 1, "nested more than 16 deep"),
        ("\na = " + "[" * 20 + "]" * 20, 2, "nested more than 16 deep"),
        ("\n" + ".".join("a" * 70) + " = 1", 2, "a key has more than 64 parts"),
        ("\n" + " . ".join(['"a"'] * 70) + " = 1", 2, "a key has more than 64 parts"),
        ("x = " + "9" * 5_000, 1, "this is not TOML"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, line: int, message: str) -> None:
    (problem,) = told(text)

    assert problem[0] == line
    assert message in problem[2]


def test_dots_in_texts_and_comments_are_no_long_key() -> None:
    dots = "." * 100

    assert parse(f'# {dots}\npipeline = "p"\n[components.llm]\nprovider = "{dots}"\nmodel = \'{dots}\' # {dots}').components


def test_all_problems_are_told_in_the_order_of_their_lines() -> None:
    problems = told(
        'pipeline = "a b"\n[components.x]\nkind = "code"\npath = ["../a", "b\\\\c"]\n'
        '[components.y]\nkind = "hosted"\n[environments.latest]\n',
    )

    assert [line for line, _, _ in problems] == [1, 4, 4, 5, 5, 7]


def test_very_many_problems_are_counted() -> None:
    with pytest.raises(InvalidWorkspace, match=r"has 31 problems:(.|\n)*and 11 more"):
        parse('pipeline = "p"\n' + "".join(f"wrong{number} = 1\n" for number in range(31)))


def test_bytes_that_are_not_utf_8_are_told_with_their_line() -> None:
    with pytest.raises(InvalidWorkspace, match=r"lastgood\.toml:3: this line is not UTF-8"):
        parse_workspace(b'pipeline = "p"\n\n# \xff\n', Path("/nowhere"))


def test_a_very_large_file_is_refused() -> None:
    with pytest.raises(InvalidWorkspace, match="larger than 1,000,000 bytes"):
        parse_workspace(b"#" * 1_000_001, Path("/nowhere"))


def test_a_path_of_another_component_is_refused_and_its_owner_named() -> None:
    (problem,) = told(COMPONENT + 'kind = "code"\npath = "src"\n[components.d]\nkind = "prompt"\npath = "src/prompts/"')

    assert problem[:2] == (7, "components.d.path")
    assert "src/prompts lies in src" in problem[2]
    assert "and c has it" in problem[2]


@pytest.mark.parametrize(("live", "other"), [("run", "run/prod"), ("run/prod", "run/prod")])
def test_a_live_folder_holds_no_component_and_serves_one_environment(live: str, other: str) -> None:
    held = f'{COMPONENT}kind = "code"\npath = "{other}"\n[environments.prod]\nlive = "{live}"'
    shared = f'pipeline = "p"\nenvironments.a.live = "{live}"\nenvironments.b.live = "{live}"'

    assert "holds files of the component c" in told(held)[0][2]
    assert "is the live folder of a already" in told(shared)[0][2]


@pytest.mark.parametrize(
    ("files", "path", "kind"),
    [
        ({"m/model.safetensors": "", "m/config.json": "", "m/README.md": ""}, "m", Kind.ARTIFACT),
        ({"m/a.gguf": ""}, "m/a.gguf", Kind.ARTIFACT),
        ({"p/a.md": "", "p/b.txt": ""}, "p", Kind.PROMPT),
        ({"prompts/a.md": "", "prompts/chat.yaml": ""}, "prompts", Kind.PROMPT),
        ({"c/a.yaml": "", "c/b.json": ""}, "c", Kind.CONFIG),
        ({"d/a.jsonl": "", "d/README.md": ""}, "d", Kind.DATASET),
        ({"s/a/b.py": "", "s/c.yaml": ""}, "s", Kind.CODE),
    ],
)
def test_a_kind_that_is_not_said_is_told_by_the_files(tmp_path: Path, files: dict[str, str], path: str, kind: Kind) -> None:
    fill(tmp_path, files)

    assert parse(f'{COMPONENT}path = "{path}"', tmp_path).components[0].kind is kind


@pytest.mark.parametrize("files", [{}, {"x/a.yaml": "", "x/README.md": ""}, {"x/a.unknown": ""}])
def test_a_kind_that_is_not_clear_must_be_said(tmp_path: Path, files: dict[str, str]) -> None:
    fill(tmp_path, files)

    (problem,) = told(f'{COMPONENT}path = "x"', tmp_path)

    assert problem[1] == "components.c.kind"
    assert "write one of artifact, hosted" in problem[2]


def test_a_workspace_is_found_from_below(tmp_path: Path) -> None:
    fill(tmp_path, {"lastgood.toml": 'pipeline = "p"', "a/b/c.txt": ""})

    assert find_workspace(tmp_path / "a" / "b") == tmp_path
    assert find_workspace(tmp_path) == tmp_path
    assert find_workspace(tmp_path.parent) is None
    assert read_workspace(tmp_path).root == tmp_path


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        read_workspace(tmp_path)

    assert caught.value.hint == "lastgood init"


def test_a_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lastgood.toml").mkdir()

    with pytest.raises(InvalidWorkspace, match="it is a folder"):
        read_workspace(tmp_path)


def test_a_file_that_may_not_be_read_is_named(open_path: Path) -> None:
    fill(open_path, {"lastgood.toml": 'pipeline = "p"'})
    (open_path / "lastgood.toml").chmod(0)

    with unprivileged(), pytest.raises(NotAllowed, match=r"'lastgood\.toml' may not be read"):
        read_workspace(open_path)


def accepts_or_refuses(data: bytes) -> None:
    """Read a file: whatever it holds, the outcome is a workspace or the one named error, with a line."""
    try:
        kept = parse_workspace(data, Path("/nowhere")).file_bytes
    except InvalidWorkspace as error:
        message = error.message
    else:
        assert kept == data
        return
    assert re.search(r"lastgood\.toml:\d+: ", message)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    accepts_or_refuses(data)


@given(st.text(alphabet='ab.[]{}=",\n#\'"\\ 1_-', max_size=60))
def test_any_text_that_looks_like_toml_is_read_or_refused(text: str) -> None:
    accepts_or_refuses(f'pipeline = "p"\n{text}'.encode())


@given(st.integers(0, len(WHOLE)), st.integers(0, 30), st.text(max_size=8))
def test_a_damaged_file_is_read_or_refused(start: int, length: int, inserted: str) -> None:
    accepts_or_refuses((WHOLE[:start] + inserted + WHOLE[start + length :]).encode("utf-8", "replace"))


VALUES = st.sampled_from(['"x"', "1", "-1", "1.5", "nan", "inf", "true", "[]", '["a"]', '[["a"]]', "{}", "{ a = 1 }", "2024-01-01", '""'])
KEYS = st.sampled_from(
    "kind path lock provider model fingerprint key store uri version digest run on python platform container made_by "
    "made_by.run made_by.inputs made_by.seed derived_from licence gates live freeze override keep_last keep_deployed keep_tagged".split(),
)
TABLES = st.sampled_from(["components.a", "components.b", "environments.prod", "retention", "components", "environments", "x"])


@given(st.lists(st.tuples(TABLES, KEYS, VALUES), max_size=6))
def test_any_value_in_any_place_is_read_or_refused(lines: list[tuple[str, str, str]]) -> None:
    accepts_or_refuses(("pipeline = 'p'\n" + "".join(f"{table}.{key} = {value}\n" for table, key, value in lines)).encode())
