"""`lastgood lineage` on real registries: releases, files and rows, both ways, as trees, as JSON and for Graphviz."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import Desk, run

WORKSPACE = """\
pipeline = "support-bot"

[components.train]
kind = "dataset"
path = "data/train.jsonl"
key = "id"
derived_from = ["s3://lake/tickets@v7"]

[components.holdout]
kind = "dataset"
path = "data/holdout.csv"
key = "id"

[components.router]
kind = "artifact"
path = "models/"
made_by = { run = "python train.py", inputs = ["train"], seed = 7 }

[components.quality]
kind = "eval"
path = "evals/"
run = "sh evals/run.sh"
on = "holdout"
"""
SCRIPT = """printf '{"case": "a", "score": 1}\\n' > "$LASTGOOD_OUT"\n"""


def rows(**labels: str) -> str:
    """Write twenty rows, some with a label of their own."""
    return "".join(json.dumps({"id": f"t-{n}", "text": f"ticket {n}", "label": labels.get(f"t{n}", "refund")}) + "\n" for n in range(20))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five releases: two that relabel a row, one that trains again, one that drops the row; r3 is live."""
    desk = Desk(tmp_path_factory.mktemp("lineage") / "bot")
    desk.write("lastgood.toml", WORKSPACE)
    desk.write("data/train.jsonl", rows())
    desk.write("data/holdout.csv", "id,text\nh1,another ticket\n")
    desk.write("models/router.bin", b"one")
    desk.write("evals/run.sh", SCRIPT)
    desk.tell("init")
    desk.tell("commit", "-m", "first")
    desk.write("data/train.jsonl", rows(t7="other"))
    desk.tell("commit", "-m", "relabel")
    desk.write("models/router.bin", b"two")
    desk.tell("commit", "-m", "train again")
    desk.tell("deploy", "prod")
    desk.tell("eval", "run", "r3")
    desk.write("data/train.jsonl", rows(t7="other", t8="other"))
    desk.tell("commit", "-m", "relabel another")
    desk.write("data/train.jsonl", rows(t7="other", t8="other").replace('"t-7"', '"t-77"'))
    desk.tell("commit", "-m", "rename a row")
    return desk.root


@pytest.fixture
def bot(story: Path, tmp_path: Path) -> Desk:
    return Desk(Path(shutil.copytree(story, tmp_path / "bot")))


def tree(desk: Desk, *arguments: str) -> list[str]:
    """Return the lines of a tree, without digests and dates."""
    lines = desk.tell("lineage", *arguments).out.splitlines()
    return [" ".join(word for word in line.split(", since")[0].split() if not is_digest(word)) for line in lines]


def is_digest(word: str) -> bool:
    return len(word) == 12 and set(word) <= set("0123456789abcdef")


def test_upstream_says_the_command_the_inputs_and_what_changed_since(bot: Desk) -> None:
    assert tree(bot, "--component", "router") == [
        "router (artifact) r3-",
        "│ made by python train.py, seed 7 (asserted)",
        "│ judged by quality in r3",
        "└─ from train (dataset) r2-r3",
        "│ made from train as of r3; train has changed since: r4, r5",
        "└─ derived from s3://lake/tickets@v7",
    ]


def test_an_earlier_release_knows_nothing_of_what_came_later(bot: Desk) -> None:
    assert tree(bot, "r1", "--component", "router") == [
        "router (artifact) r1-",
        "│ made by python train.py, seed 7 (asserted)",
        "└─ from train (dataset) r1-",
        "└─ derived from s3://lake/tickets@v7",
    ]


def test_a_suite_runs_on_what_stands_beside_it(bot: Desk) -> None:
    assert tree(bot, "prod", "--component", "quality") == [
        "quality (eval) r1-",
        "└─ runs on holdout (dataset) r1-",
        "quality ran on it in r3",
    ]
    bot.write("data/holdout.csv", "id,text\nh2,yet another ticket\n")
    bot.tell("commit", "-m", "another holdout")
    assert tree(bot, "--component", "quality") == ["quality (eval) r1-", "└─ runs on holdout (dataset) r6-"]
    assert tree(bot, "r1", "--component", "holdout", "--downstream") == [
        "holdout (dataset) r1-r5",
        "│ quality ran on it in r3",
        "└─ judged with: quality (eval) r1-",
        "runs on holdout as of r1; holdout has changed since: r6",
    ]


def test_downstream_says_what_was_made_and_where_it_runs(bot: Desk) -> None:
    found = bot.tell("lineage", "r2", "--component", "train", "--downstream").out
    assert "made: router (artifact)" in found
    assert "r3-" in found
    assert "runs in prod" in found
    answer = bot.ask("lineage", "r1", "--component", "train", "--downstream")
    assert [node["name"] for node in answer["nodes"]] == ["train", "router"]
    assert answer["nodes"][1]["live_in"] == []
    assert answer["edges"][0]["changes"] == {"count": 3, "first": [2, 4, 5]}


def test_the_graph_in_json(bot: Desk) -> None:
    answer = bot.ask("lineage", "r5")
    assert (answer["kind"], answer["direction"]) == ("release", "upstream")
    nodes = {node["id"]: node for node in answer["nodes"]}
    assert {nodes[root]["name"] for root in answer["roots"]} == {"train", "holdout", "router", "quality"}
    router = next(node for node in nodes.values() if node["name"] == "router")
    assert router["releases"] == [[3, 5]]
    assert router["live_in"] == ["prod"]
    assert router["provenance"]["made_by"]["run"] == "python train.py"
    assert router["evaluations"] == [{"suite": "quality", "number": 3}]
    (edge,) = [edge for edge in answer["edges"] if edge["made"] == router["id"]]
    assert (edge["relation"], edge["asserted"], edge["as_of"]) == ("made from", True, 3)
    assert nodes[edge["source"]]["releases"] == [[2, 3]]


def test_a_file_by_its_path_and_by_its_digest(bot: Desk) -> None:
    found = bot.ask("lineage", "models/router.bin")["places"]
    assert [(place["component"], place["releases"], place["live_in"]) for place in found] == [
        ("router", [[3, 5]], ["prod"]),
        ("router", [[1, 2]], []),
    ]
    for words in ([found[1]["sha256"]], ["--file", found[1]["sha256"]], ["--file", "./models/router.bin"]):
        assert found[1] in bot.ask("lineage", *words)["places"]
    assert "router (artifact) models/router.bin  r1-r2" in bot.tell("lineage", "models/router.bin").out


@pytest.mark.parametrize("words", [["train:t-7"], ["--row", "train:t-7"]])
def test_a_row_its_readings_and_what_was_made_from_it(bot: Desk, words: list[str]) -> None:
    answer = bot.ask("lineage", *words)
    assert [(one["releases"], one["row"]["label"], one["line"], one["live_in"]) for one in answer["readings"]] == [
        ([[1, 1]], "refund", 8, []),
        ([[2, 4]], "other", 8, ["prod"]),
    ]
    nodes = {node["id"]: node for node in answer["nodes"]}
    assert [nodes[root]["releases"] for root in answer["roots"]] == [[[1, 1]], [[2, 3]], [[4, 4]]]
    made = {(nodes[edge["source"]]["releases"][0][0], nodes[edge["made"]]["releases"][0][0]) for edge in answer["edges"]}
    assert made == {(1, 1), (2, 3)}
    said = bot.tell("lineage", *words).out
    assert "stands in 4 releases" in said
    assert 'label="refund"' in said
    assert "runs in prod" in said


def test_a_path_that_json_writes_in_its_own_way(bot: Desk) -> None:
    bot.write('models/say "ü".bin', b"three")
    bot.write("models/deep/router.bin", b"four")
    bot.tell("commit", "-m", "more files")
    assert [place["path"] for place in bot.ask("lineage", 'models/say "ü".bin')["places"]] == ['models/say "ü".bin']
    assert [place["path"] for place in bot.ask("lineage", "--file", "models/deep/router.bin")["places"]] == ["models/deep/router.bin"]
    assert bot.fails("lineage", "--file", "router.bin")["kind"] == "not-found"


def test_what_json_has_no_number_for(bot: Desk) -> None:
    bot.write("data/train.jsonl", rows() + '{"id": "odd", "n": NaN, "big": 12345678901234567890}\n')
    bot.tell("commit", "-m", "odd")
    (reading,) = bot.ask("lineage", "train:odd")["readings"]
    assert (reading["row"]["n"], reading["row"]["big"]) == ("nan", "12345678901234567890")


def test_what_was_made_from_a_source_outside(bot: Desk) -> None:
    answer = bot.ask("lineage", "s3://lake/tickets@v7")
    assert (answer["kind"], answer["roots"], answer["release"]) == ("source", ["s3://lake/tickets@v7"], None)
    assert [node["name"] for node in answer["nodes"]] == ["s3://lake/tickets@v7", *["train"] * 4, *["router"] * 2]
    assert bot.tell("lineage", "s3://lake/tickets@v7").out.splitlines()[0] == "s3://lake/tickets@v7"


def test_a_row_of_csv_and_one_that_nothing_was_made_from(bot: Desk) -> None:
    assert 'text="another ticket"' in bot.tell("lineage", "holdout:h1").out
    bot.write("data/train.jsonl", rows() + '{"id": "new", "text": "x"}\n')
    bot.tell("commit", "-m", "more")
    assert "nothing is recorded to have been made" in bot.tell("lineage", "train:new").out


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (["nothing"], "not-found", "no environment and no tag nothing"),
        (["r9"], "not-found", "there is no release r9"),
        (["data/nothing.csv"], "not-found", "no release has a file data/nothing.csv"),
        (["ab" * 32], "not-found", "no release has a file abab"),
        (["--component", "rooter"], "not-found", "r5 has no component rooter"),
        (["train:t-99"], "not-found", "no release's train has a row with the key 't-99'"),
        (["nowhere:1"], "not-found", "no release has a dataset nowhere"),
        (["router:1"], "invalid", "router is no dataset"),
        (["--row", "train"], "invalid", "is no row"),
        (["--row", "../x:1"], "invalid-name", ""),
        (["r1", "--file", "x"], "invalid", "one thing at a time"),
        (["r1", "--dot"], "invalid", "two answers"),
        (["s3://lake/other"], "not-found", "no release says that anything was made from s3://lake/other"),
        (["--pipeline", "other"], "not-found", "no pipeline other"),
    ],
)
def test_what_is_not_there_is_said(bot: Desk, words: list[str], kind: str, message: str) -> None:
    error = bot.fails("lineage", *words)
    assert error["kind"] == kind
    assert message in error["message"]


def test_a_graph_for_graphviz_is_one_that_it_draws(bot: Desk) -> None:
    bot.write("lastgood.toml", WORKSPACE.replace("python train.py", 'python \\"train.py\\" \\\\ ]; evil').replace("@v7", '@v7\\"];evil['))
    bot.tell("commit", "-m", "evil")
    drawn = bot.tell("lineage", "--dot").out
    assert drawn.startswith("digraph lineage {\n")
    assert bot.run("lineage", "models/router.bin", "--dot").code == 2
    if (graphviz := shutil.which("dot")) is not None:
        plain = subprocess.run([graphviz, "-Tplain"], input=drawn.encode(), capture_output=True, check=True).stdout.decode()
        assert sum(line.startswith("node ") for line in plain.splitlines()) == drawn.count("[label=") - drawn.count(" -> ")


def test_damaged_bytes_are_an_error(bot: Desk) -> None:
    for pack in (bot.registry / "store").rglob("*"):
        if pack.is_file():
            data = pack.read_bytes()
            pack.chmod(0o644)
            pack.write_bytes(data[:8] + bytes(len(data) // 2) + data[8 + len(data) // 2 :])
    assert bot.fails("lineage", "train:t-7")["kind"] == "integrity"


def test_the_registry_of_another_folder_and_several_pipelines(bot: Desk, tmp_path: Path) -> None:
    other = Desk(tmp_path / "other")
    other.write("lastgood.toml", 'pipeline = "second"\n[components.notes]\nkind = "prompt"\npath = "notes.md"\n')
    other.write("notes.md", "x")
    where = ["--registry", str(bot.registry)]
    assert run("-C", str(other.root), *where, "commit", "-m", "x").code == 0
    asked: Any = run("-C", str(tmp_path), *where, "lineage", "--pipeline", "second", "--file", "notes.md", "--json").answer
    assert [place["component"] for place in asked["places"]] == ["notes"]
    assert run("-C", str(tmp_path), *where, "lineage", "second/r1", "--json").answer["number"] == 1
    assert run("-C", str(tmp_path), *where, "lineage", "r2", "--pipeline", "support-bot", "--json").answer["number"] == 2
