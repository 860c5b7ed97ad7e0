"""What `init` finds in a folder, and that the file it writes is right, whatever the folder holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastgood.errors import AlreadyExists, NotAllowed
from lastgood.ids import PipelineName
from lastgood.model.component import Kind
from lastgood.workspace.detect import detect, pipeline_name, write_starter_file
from lastgood.workspace.file import read_workspace
from lastgood.workspace.prepare import HashingIntake, prepare
from lastgood.workspace.starter import starter_file
from lastgood.workspace.statcache import StatCache
from tests.workspace.folders import fill, unprivileged

NAME = PipelineName("support-bot")
Found = dict[str, tuple[Kind, tuple[str, ...]]]


def found_in(root: Path, *files: str) -> Found:
    """Return what is proposed for a folder of such files: kind and paths by name."""
    fill(root, dict.fromkeys(files, ""))
    return {one.name: (one.kind, one.paths) for one in detect(root)}


PIPELINE = {
    "models/router/model.safetensors": "",
    "models/router/tokenizer.json": "{}",
    "models/router/1_Pooling/config.json": "{}",
    "adapters/tone/adapter_config.json": "{}",
    "adapters/tone/adapter_model.safetensors": "",
    "prompts/system.md": "",
    "prompts/sub/user.prompt": "",
    "extra.prompt": "",
    "config/routing.yaml": "",
    "settings.toml": "",
    "tools.json": "[]",
    "pyproject.toml": "",
    "data/train.jsonl": '{"text": "a", "ticket_id": 1, "id": 7}\n{"text": "a", "ticket_id": 2, "id": 7}\n',
    "data/holdout.csv": "id,text\n1,a\n2,a\n",
    "data/shards/part-0.parquet": "",
    "evals/quality/run.py": "",
    "evals/quality/cases.jsonl": "",
    "src/bot/__init__.py": "",
    "serve.py": "",
    "test_serve.py": "",
    "requirements.lock": "a==1",
    "requirements.txt": "a",
    ".python-version": "3.12.4\n",
}


def test_a_whole_pipeline_is_found(tmp_path: Path) -> None:
    fill(tmp_path, PIPELINE)

    write_starter_file(tmp_path, NAME, 1)
    workspace = read_workspace(tmp_path)

    declared = {str(one.name): one for one in workspace.components}
    assert {name: (one.kind, one.paths) for name, one in declared.items()} == {
        "tone-adapter": (Kind.ARTIFACT, ("adapters/tone",)),
        "router": (Kind.ARTIFACT, ("models/router",)),
        "prompts": (Kind.PROMPT, ("prompts", "extra.prompt")),
        "config": (Kind.CONFIG, ("config", "settings.toml", "tools.json")),
        "holdout": (Kind.DATASET, ("data/holdout.csv",)),
        "train": (Kind.DATASET, ("data/train.jsonl",)),
        "shards": (Kind.DATASET, ("data/shards",)),
        "quality": (Kind.EVAL, ("evals/quality",)),
        "code": (Kind.CODE, ("src", "serve.py")),
        "runtime": (Kind.RUNTIME, ("requirements.lock",)),
    }
    assert (declared["train"].key, declared["holdout"].key) == ("ticket_id", "id")
    assert declared["quality"].run == "python evals/quality/run.py"
    assert declared["runtime"].python == "3.12.4"
    assert workspace.retention is not None
    assert (workspace.retention.rules.keep_last, workspace.retention.rules.keep_tagged) == (50, True)
    assert prepare(workspace, HashingIntake(), StatCache.load(tmp_path)).files == 19


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["model.gguf"], {"model": (Kind.ARTIFACT, ("model.gguf",))}),
        (
            ["pytorch_model.bin", "config.json", "tokenizer.json", "app.yaml"],
            {
                "model": (Kind.ARTIFACT, ("config.json", "pytorch_model.bin", "tokenizer.json")),
                "config": (Kind.CONFIG, ("app.yaml",)),
            },
        ),
        (["m/a.pt", "m/b/c.onnx"], {"m": (Kind.ARTIFACT, ("m/",))}),
        (["router/model/a.pt"], {"router": (Kind.ARTIFACT, ("router/model/",))}),
        (["m/unet/a.safetensors", "m/vae/a.safetensors", "m/model_index.json"], {"m": (Kind.ARTIFACT, ("m/",))}),
        ([f"checkpoints/{step}/model.pt" for step in range(13)], {"checkpoints": (Kind.ARTIFACT, ("checkpoints/",))}),
        (["src/a.py", "src/w.pt"], {"w": (Kind.ARTIFACT, ("src/w.pt",)), "code": (Kind.CODE, ("src/a.py",))}),
        (["data/vectors.npy"], {"vectors": (Kind.DATASET, ("data/vectors.npy",))}),
        ([f"data/{number}.csv" for number in range(13)], {"data": (Kind.DATASET, ("data/",))}),
        (["train.jsonl"], {"train": (Kind.DATASET, ("train.jsonl",))}),
        (["a/train.jsonl", "a/prompts/x.txt"], {"prompts": (Kind.PROMPT, ("a/prompts/",))}),
        (["evals/run.py", "evals/cases.jsonl"], {"evals": (Kind.EVAL, ("evals/",))}),
        (["uv.lock", "requirements.txt"], {"runtime": (Kind.RUNTIME, ("uv.lock",))}),
        (["requirements.txt"], {}),
        (["tests/prompts/a.md", "tests/data/x.csv", "docs/model.pt", "README.md", "package.json"], {}),
        ([".hidden/model.pt", "node_modules/x/a.json", "venv/pyvenv.cfg", "venv/a.py", "my env/pyvenv.cfg", "my env/prompts/a"], {}),
        ([], {}),
    ],
)
def test_what_is_found(tmp_path: Path, files: list[str], expected: Found) -> None:
    assert found_in(tmp_path, *files) == expected


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("a==1\nb[c] == 2 ; python_version > '3'\n", True),
        ("a==1 \\\n    --hash=sha256:00\n# b\n-r other.txt\n", True),
        ("a==1\nb>=2\n", False),
        ("# nothing\n", False),
    ],
)
def test_requirements_are_a_lock_file_when_they_are_pinned(tmp_path: Path, text: str, pinned: bool) -> None:
    fill(tmp_path, {"requirements.txt": text})

    assert [one.kind for one in detect(tmp_path)] == ([Kind.RUNTIME] if pinned else [])


@pytest.mark.parametrize(
    ("name", "text", "key"),
    [
        ("a.jsonl", '{"id": 1}\n{"id": 2}\n', "id"),
        ("a.jsonl", '{"id": 1}\n{"id": 1}\n', None),
        ("a.jsonl", '{"id": 1}\n{"x": 1}\n', None),
        ("a.jsonl", '{"id": [1]}\n', None),
        ("a.jsonl", "not json\n", None),
        ("a.jsonl", "[" * 100_000, None),
        ("a.jsonl", '{"user_id": "a"}\n' + '{"user_id": "' + "b" * 300_000 + '"}\n', "user_id"),
        ("a.csv", "uuid,id\nx,1\ny,1\n", "uuid"),
        ("a.tsv", "ID\ttext\n1\ta\n2\tb\n", "ID"),
        ("a.csv", "id,text\n1,a,b\n2,c\n", "id"),
        ("a.csv", '"', None),
        ("a.parquet", "PAR1", None),
        ("a.csv", "", None),
    ],
)
def test_keys_are_guessed_from_the_first_rows(tmp_path: Path, name: str, text: str, key: str | None) -> None:
    fill(tmp_path, {name: text})

    (proposal,) = detect(tmp_path)

    assert proposal.keys.get("key") == key


def test_ignored_files_are_not_proposed(tmp_path: Path) -> None:
    fill(tmp_path, {".lastgoodignore": "/data/\n"})

    assert found_in(tmp_path, "data/train.csv") == {}


def test_links_are_not_followed(tmp_path: Path) -> None:
    fill(tmp_path, {"elsewhere/prompts/a.md": "", "here/x": ""})
    (tmp_path / "here" / "prompts").symlink_to(tmp_path / "elsewhere" / "prompts")
    (tmp_path / "here" / "model.pt").symlink_to("/etc/passwd")

    assert detect(tmp_path / "here") == ()


def test_an_empty_folder_gets_a_file_that_says_what_to_add(tmp_path: Path) -> None:
    write_starter_file(tmp_path, NAME, 1)

    assert read_workspace(tmp_path).components == ()
    assert "# [components.prompts]" in (tmp_path / "lastgood.toml").read_text()
    assert os.listdir(tmp_path) == ["lastgood.toml"]


def test_the_comments_are_right_when_they_are_taken_in(tmp_path: Path) -> None:
    fill(tmp_path, {"prompts/a.md": "", "train.csv": ""})
    written = starter_file(detect(tmp_path), NAME, in_git=True).split("\n")
    keys = ("# [", "# kind", "# provider", "# model =", "# live", "# gates")
    examples = [line.removeprefix("# ") for line in written if line.startswith(keys)]
    (tmp_path / "lastgood.toml").write_text("\n".join([*written, *examples]))

    workspace = read_workspace(tmp_path)

    assert [one.name for one in workspace.components] == ["prompts", "train", "llm"]
    assert len(workspace.environments[0].gates) == 2


def test_git_is_mentioned(tmp_path: Path) -> None:
    fill(tmp_path, {".git/HEAD": "", "below/x": ""})

    write_starter_file(tmp_path / "below", NAME, 1)

    assert "is in a git repository" in (tmp_path / "below" / "lastgood.toml").read_text()


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    fill(tmp_path, {"lastgood.toml": "mine"})

    with pytest.raises(AlreadyExists):
        write_starter_file(tmp_path, NAME, 1)

    assert (tmp_path / "lastgood.toml").read_text() == "mine"
    assert os.listdir(tmp_path) == ["lastgood.toml"]


def test_a_folder_that_may_not_be_written_is_named(open_path: Path) -> None:
    with unprivileged(), pytest.raises(NotAllowed, match=r"lastgood\.toml cannot be written"):
        write_starter_file(open_path, NAME, 1)

    assert os.listdir(open_path) == []


@pytest.mark.parametrize(
    ("folder", "name"),
    [("support-bot", "support-bot"), ("my bot (2)", "my-bot-2"), ("…", "pipeline"), ("_x", "x"), ("a" * 80, "a" * 63)],
)
def test_a_pipeline_is_named_after_its_folder(folder: str, name: str) -> None:
    assert pipeline_name(Path("/nowhere") / folder) == name == PipelineName.parse(name)


PARTS = st.sampled_from(
    ["models", "Models", "prompts", "Prompts", "config", "data", "evals", "src", "app", "a b", "é", "r1", "x.y", "tests", "é", "checkpoint"]
)
NAMES = st.sampled_from(
    [
        *("model.safetensors", "adapter_config.json", "adapter_model.bin", "model_index.json", "a.pt", "b.npy"),
        *("run.py", "x.py", "__init__.py", "a.prompt", "a.md", "tools.json", "x.yaml", "uv.lock", "requirements.txt"),
        *("train.jsonl", "train.csv", "TRAIN.csv", "'q'.csv", '"q".csv', "ü.csv", "e\u0301.csv", "a\\b.csv", ".env", "a b.csv"),
    ]
)
TREES = st.lists(st.builds(lambda parts, name: "/".join([*parts, name]), st.lists(PARTS, max_size=3), NAMES), max_size=12)


@settings(max_examples=80)
@given(TREES)
def test_the_file_for_any_folder_is_right(tmp_path_factory: pytest.TempPathFactory, files: list[str]) -> None:
    root = tmp_path_factory.mktemp("detect")
    fill(root, dict.fromkeys(files, ""))

    found = detect(root)
    text = starter_file(found, NAME)
    (root / "lastgood.toml").write_text(text)
    workspace = read_workspace(root)

    assert [(one.name, one.kind) for one in workspace.components] == [(one.name, one.kind) for one in found]
    assert [one.paths for one in workspace.components] == [tuple(path.rstrip("/") for path in one.paths) for one in found]
    assert all((root / path).exists() for one in workspace.components for path in one.paths)
