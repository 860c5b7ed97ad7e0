"""Blame, through a real registry: lines, keys, tensors, rows and files of two months, and when they got to prod."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import lastgood
from lastgood.clock import FixedClock
from lastgood.compare.blame import LineTracer
from lastgood.ids import FileDigest, ReleaseId
from lastgood.model.outline import Outline
from lastgood.registry.walking import Skipped, Stop, follow
from tests.cli.commands import Desk
from tests.cli.histories import SYSTEM, History, rows, text, two_months, weights
from tests.compare.sides import Kept


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Two months of a support bot; to be looked at only."""
    return two_months(tmp_path_factory.mktemp("story") / "bot")


@pytest.fixture
def begun(story: History, tmp_path: Path) -> History:
    """The same, to be changed."""
    root = Path(shutil.copytree(story.desk.root, tmp_path / "bot"))
    return History(Desk(root), FixedClock(story.clock.now()))


def lines(desk: Desk, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.ask("blame", *arguments)["lines"]
    return found


def numbers(desk: Desk, *arguments: str) -> list[int]:
    return [one["number"] for one in lines(desk, *arguments)]


def notes(desk: Desk, *arguments: str) -> list[str]:
    return [one["text"] for one in desk.ask("blame", *arguments)["notes"]]


class TestLines:
    """Lines of prompts."""

    def test_each_line_has_the_release_that_brought_it_through_renames_of_file_and_component(self, story: History) -> None:
        found = lines(story.desk, "instructions")

        assert [(one["line"], one["number"], one["author"], one["message"]) for one in found] == [
            (1, 1, "anna", "first"),
            (2, 5, "dora", "another name, and sections"),
            (3, 1, "anna", "first"),
            (4, 2, "ben", "kinder"),
        ]
        assert {one["path"] for one in found} == {"prompts/helpdesk.md"}
        assert found[3]["text"] == "Be kind and brief."
        assert found[3]["release"] == story.desk.ask("show", "r2")["release"]
        assert found[3]["recorded_at"] == "2026-10-08T09:00:00.000000Z"

    def test_it_says_what_the_file_was_called(self, story: History) -> None:
        assert notes(story.desk, "instructions") == [
            "before r6 it was prompts/helpdesk.md of prompts",
            "before r5 it was prompts/support.md",
            "before r4 it was prompts/system.md",
        ]

    def test_it_says_when_each_first_reached_each_environment(self, story: History) -> None:
        first, second, _, fourth = (one["reached"] for one in lines(story.desk, "instructions"))

        assert first == {
            "prod": {"at": "2026-10-08T10:00:00.000000Z", "deployment": 1, "by": "carla", "is_there": True},
            "staging": {"at": "2026-10-15T11:00:00.000000Z", "deployment": 1, "by": "carla", "is_there": True},
        }
        assert second == {"prod": {"at": "2026-10-29T12:00:00.000000Z", "deployment": 2, "by": "ben", "is_there": True}}
        assert fourth == first

    def test_what_never_got_there_has_not_reached_it(self, story: History) -> None:
        assert [one["reached"] for one in lines(story.desk, "train", "--row", "t-1") if one["key"] == "label"] == [{}]

    def test_of_an_environment_it_is_what_runs_there_and_only_its_deployments(self, story: History) -> None:
        answer = story.desk.ask("blame", "prompts", "--env", "prod")

        assert (answer["number"], answer["environments"]) == (5, ["prod"])
        assert [one["number"] for one in answer["lines"]] == [1, 5, 1, 2]
        assert {name for one in answer["lines"] for name in one["reached"]} == {"prod"}

    @pytest.mark.parametrize(
        ("revision", "expected"), [("r1", [1, 1, 1, 1]), ("r2", [1, 1, 1, 2]), ("prod~1", [1, 1, 1, 2]), ("r4", [1, 1, 1, 2])]
    )
    def test_of_any_release(self, story: History, revision: str, expected: list[int]) -> None:
        assert numbers(story.desk, "prompts", "--rev", revision) == expected

    def test_a_release_that_went_live_later_under_another_number_counts(self, begun: History) -> None:
        begun.commit("anna", "only the config", {"config/routing.yaml": "sampling:\n  temperature: 0.1\n"})
        begun.deploy("canary-region")

        reached = [one["reached"].get("canary-region") for one in lines(begun.desk, "instructions", "--rev", "r7")]
        assert all(one is not None and one["deployment"] == 1 for one in reached)

    def test_a_later_release_that_has_other_lines_does_not_count(self, begun: History) -> None:
        begun.commit("anna", "all new", {"prompts/helpdesk.md": "Be silent.\n"})
        begun.deploy("eu")

        assert [one["reached"].get("eu") for one in lines(begun.desk, "instructions", "--rev", "r7")] == [None] * 4

    def test_what_was_rolled_back_is_not_there_any_more(self, begun: History) -> None:
        begun.deploy("prod", "r7")
        with lastgood.open(begun.desk.root, actor="carla", clock=begun.clock) as registry:
            registry.environments.rollback("prod", "r2")

        second, fourth = (lines(begun.desk, "instructions")[place]["reached"]["prod"] for place in (1, 3))
        assert (second["deployment"], second["is_there"]) == (2, False)
        assert (fourth["deployment"], fourth["is_there"]) == (1, True)
        assert "was in prod 2026-10-29 12:00 UTC" in begun.desk.tell("blame", "instructions").out
        # Of an older release nobody can say whether prod, which has other lines, still has this one.
        begun.deploy("prod", "r5")
        assert lines(begun.desk, "prompts", "--rev", "r2")[3]["reached"]["prod"]["is_there"] is None

    def test_lines_that_were_taken_back_and_brought_again(self, begun: History) -> None:
        shorter = text(SYSTEM[0], SYSTEM[2])
        whole = (begun.desk.root / "prompts/helpdesk.md").read_text()
        begun.commit("ben", "shorter", {"prompts/helpdesk.md": shorter})
        begun.commit("ben", "as before", {"prompts/helpdesk.md": whole})

        assert numbers(begun.desk, "instructions") == [1, 9, 1, 9]

    def test_lines_that_moved(self, begun: History) -> None:
        old = (begun.desk.root / "prompts/helpdesk.md").read_text().splitlines()
        begun.commit("ben", "order", {"prompts/helpdesk.md": text(*old[1:], old[0])})

        assert numbers(begun.desk, "instructions") == [5, 1, 2, 8]
        assert numbers(begun.desk, "instructions", "-M") == [5, 1, 2, 1]

    def test_a_file_that_was_there_before_under_that_name_is_another_one(self, begun: History) -> None:
        begun.commit("ben", "a second prompt", {"prompts/system.md": text(*SYSTEM)})

        assert numbers(begun.desk, "instructions/system.md") == [8] * 4

    def test_a_copy_comes_from_what_was_copied(self, begun: History) -> None:
        begun.commit("ben", "one for each market", {"prompts/eu.md": (begun.desk.root / "prompts/helpdesk.md").read_text()})

        assert numbers(begun.desk, "instructions/eu.md") == [1, 5, 1, 2]

    def test_several_files_one_after_the_other(self, begun: History) -> None:
        begun.commit("ben", "examples", {"prompts/a/examples.md": "Q: why?\nA: so.\n"})

        assert [(one["path"], one["line"]) for one in lines(begun.desk, "instructions")] == [
            ("prompts/a/examples.md", 1),
            ("prompts/a/examples.md", 2),
            *(("prompts/helpdesk.md", number) for number in (1, 2, 3, 4)),
        ]
        for path in ("a", "a/", "prompts/a", "a/examples.md", "prompts/a/examples.md"):
            assert numbers(begun.desk, f"instructions/{path}") == [8, 8]

    def test_an_empty_file(self, begun: History) -> None:
        begun.commit("ben", "nothing", {"prompts/helpdesk.md": ""})

        assert lines(begun.desk, "instructions") == []
        assert "(empty)" in begun.desk.tell("blame", "instructions").out


class TestOtherKinds:
    """Keys, tensors, rows, fields and files."""

    def test_keys_of_a_config(self, story: History) -> None:
        assert [(one["key"], one["value"], one["number"]) for one in lines(story.desk, "routing")] == [
            ("sampling.temperature", 0.9, 3),
            ("sampling.top_p", 0.9, 1),
        ]

    def test_of_many_keys_those_that_are_not_of_the_release_that_most_are_of(self, begun: History) -> None:
        begun.commit("ben", "many", {"config/many.yaml": "".join(f"key{number}: 0\n" for number in range(1_000))})
        begun.commit("ben", "three", {"config/many.yaml": "".join(f"key{number}: {int(number < 3)}\n" for number in range(1_000))})

        said = [line.split("  ")[0].rstrip() for line in begun.desk.tell("blame", "routing/many.yaml").out.splitlines()]
        assert said == ["config/many.yaml", "key0 = 1", "key1 = 1", "key2 = 1", "all others (997)"]
        assert len(begun.desk.tell("blame", "routing/many.yaml", "--all").out.splitlines()) == 1_001
        assert len(lines(begun.desk, "routing/many.yaml")) == 1_000
        begun.commit("ben", "half", {"config/many.yaml": "".join(f"key{number}: {int(number < 499) + 1}\n" for number in range(1_000))})
        begun.commit("ben", "more", {"config/many.yaml": "".join(f"key{number}: {int(number < 499) + 5}\n" for number in range(600))})
        begun.commit(
            "ben", "less", {"config/many.yaml": "".join(f"key{number}: {int(number < 499) + 5 + number % 2}\n" for number in range(600))}
        )
        assert (
            begun.desk.tell("blame", "routing/many.yaml").out.splitlines()[-1]
            == "… and 100 more of one release or another; --all shows them"
        )

    def test_a_config_by_its_lines(self, story: History) -> None:
        assert [(one["text"], one["number"]) for one in lines(story.desk, "routing", "--lines")] == [
            ("sampling:", 1),
            ("  temperature: 0.9", 3),
            ("  top_p: 0.9", 1),
        ]

    def test_a_config_that_cannot_be_read_is_told_by_lines(self, begun: History) -> None:
        begun.commit("ben", "oops", {"config/routing.yaml": "sampling: {\n  top_p: 0.9\n"})

        assert [(one["text"], one["number"]) for one in lines(begun.desk, "routing")] == [("sampling: {", 8), ("  top_p: 0.9", 1)]
        assert "told by lines" in notes(begun.desk, "routing")[0]

    def test_a_config_that_could_not_be_read_in_between_is_passed_by(self, begun: History) -> None:
        begun.commit("ben", "oops", {"config/routing.yaml": "sampling: {\n"})
        begun.commit("ben", "sorry", {"config/routing.yaml": "sampling:\n  temperature: 0.9\n  top_p: 0.5\n"})

        assert numbers(begun.desk, "routing") == [3, 9]
        assert notes(begun.desk, "routing")[0].startswith("r8: is not valid YAML")

    def test_tensors(self, story: History) -> None:
        found = {one["tensor"]: one["number"] for one in lines(story.desk, "router")}

        assert found == {
            "embeddings.weight": 1,
            **{f"encoder.layer.{number}.weight": 7 if number in {4, 5} else 1 for number in range(6)},
        }
        said = story.desk.tell("blame", "router").out
        assert [line.split("  ")[0] for line in said.splitlines()[1:]] == ["layers 4-5", "all others"]
        assert len(story.desk.tell("blame", "router", "--all").out.splitlines()) == 8

    def test_what_is_declared(self, begun: History) -> None:
        toml = (begun.desk.root / "lastgood.toml").read_text().replace("gpt-4.1", "gpt-5")
        begun.commit("dora", "a new model", {"lastgood.toml": toml})

        assert [(one["key"], one["value"], one["number"]) for one in lines(begun.desk, "llm")] == [
            ("model", "gpt-5", 8),
            ("provider", "openai", 1),
        ]

    def test_a_dataset_by_its_files(self, begun: History) -> None:
        more = (begun.desk.root / "lastgood.toml").read_text().replace("data/train.jsonl", "data/")
        begun.commit("anna", "more", {"lastgood.toml": more, "data/extra.jsonl": rows("x")})
        begun.commit("anna", "renamed", {"data/extra.jsonl": None, "data/other.jsonl": rows("x")})

        assert [(one.get("file") or one["key"], one["number"]) for one in lines(begun.desk, "train")] == [
            ("key", 1),
            ("data/other.jsonl", 8),
            ("data/train.jsonl", 7),
        ]

    def test_a_row_by_its_cells(self, story: History) -> None:
        assert [(one["row"], one["key"], one["value"], one["number"]) for one in lines(story.desk, "train", "--row", "t-1")] == [
            ("t-1", "id", "t-1", 1),
            ("t-1", "text", "question 1", 1),
            ("t-1", "label", "delivery", 7),
        ]
        assert notes(story.desk, "train", "--row", "t-1") == ["the row t-1 stands in data/train.jsonl, line 2"]

    def test_a_row_that_went_and_came_back(self, begun: History) -> None:
        whole = rows("refund", "delivery", "other")
        begun.commit("anna", "less", {"data/train.jsonl": rows("refund")})
        begun.commit("anna", "more", {"data/train.jsonl": whole})

        assert numbers(begun.desk, "train", "--row", "t-1") == [9, 9, 9]
        assert numbers(begun.desk, "train", "--row", "t-0") == [1, 1, 1]

    def test_a_binary_file_is_one_part(self, begun: History) -> None:
        begun.commit("anna", "a table of bytes", {"models/vocabulary.bin": bytes(range(256))})
        begun.commit("anna", "other weights", {"models/router.safetensors": weights(layer1=7)})

        (found,) = lines(begun.desk, "router/vocabulary.bin")
        assert (found["file"], found["number"], found["size"]) == ("models/vocabulary.bin", 8, 256)
        assert found["sha256"] == str(FileDigest.of(bytes(range(256))))


class TestWhatIsNotThere:
    """Slips of the keys, erased names, and bytes that are gone."""

    @pytest.mark.parametrize(
        ("arguments", "kind", "message", "hint"),
        [
            (["instruction"], "not-found", "r7 has no component instruction; it has instructions,", "lastgood blame instructions"),
            (
                ["prompts/helpdesk.md"],
                "not-found",
                "prompts/helpdesk.md is a file of instructions",
                "lastgood blame instructions/prompts/helpdesk.md",
            ),
            (["instructions/nothing/like/it.toml"], "not-found", "no file nothing/like/it.toml in r7", "lastgood show r7 --all"),
            (["instructions/helpdesc.md"], "not-found", "no file helpdesc.md in r7", "lastgood blame instructions/prompts/helpdesk.md"),
            (["llm/x"], "not-found", "llm has no files in r7", "lastgood blame llm"),
            (["", "--rev", "r7"], "not-found", "r7 has no component ;", None),
            (["../x"], "not-found", "r7 has no component ..;", None),
            (["instructions", "--rev", "r99"], "not-found", "there is no release r99", "lastgood log"),
            (["instructions", "--rev", "r5"], "not-found", "r5 has no component instructions", "lastgood show r5"),
            (["instructions", "--env", "nowhere"], "not-found", "nowhere", None),
            (["instructions", "--env", "nowhere", "--rev", "r7"], "not-found", "has no environment nowhere", "lastgood env list"),
            (["train", "--row", "t-99"], "not-found", "train has no row whose id is t-99 in r7", None),
            (["routing", "--row", "t-1"], "invalid", "routing is no dataset", None),
            (["train/train.jsonl", "--row", "t-1"], "invalid", "in all files", "lastgood blame train --row t-1"),
        ],
    )  # fmt: skip
    def test_the_error_says_what_there_is(self, story: History, arguments: list[str], kind: str, message: str, hint: str | None) -> None:
        error = story.desk.fails("blame", *arguments)

        assert error["kind"] == kind
        assert message in error["message"]
        assert hint is None or error["hint"] == hint

    def test_erased_names_and_messages(self, begun: History) -> None:
        with closing(sqlite3.connect(begun.desk.registry / "catalog.db")) as catalog, catalog:
            catalog.execute("DELETE FROM texts WHERE text IN ('ben', 'kinder', 'carla')")

        fourth = lines(begun.desk, "instructions")[3]
        assert (fourth["author"], fourth["message"], fourth["reached"]["prod"]["by"]) == (None, None, None)
        said = begun.desk.tell("blame", "instructions").out
        assert said.count("(erased)") == 2

    def test_bytes_that_are_gone_in_between_are_passed_by_with_a_note(self, begun: History) -> None:
        two, three = "Be kind, brief and clear.", "Be kind, brief, clear and warm."
        begun.commit("ben", "clear", {"prompts/helpdesk.md": text(*SYSTEM[:3], two)})
        begun.commit("ben", "nothing of this", {"config/routing.yaml": "sampling:\n  temperature: 0.1\n"})
        begun.commit("ben", "warm", {"prompts/helpdesk.md": text(*SYSTEM[:3], two, three)})
        assert numbers(begun.desk, "instructions") == [1, 8, 1, 8, 10]
        forget(begun.desk, [text(*SYSTEM[:3], two).encode()])

        assert numbers(begun.desk, "instructions") == [1, 10, 1, 10, 10]
        (note,) = (one for one in notes(begun.desk, "instructions") if "not kept" in one)
        assert note == "r8: its bytes are not kept here; what changed there stands under the next release that can be read"

    def test_a_rename_that_nobody_can_see_any_more_is_not_followed(self, begun: History) -> None:
        forget(begun.desk, [text(*SYSTEM[:3], "Be kind and brief.").encode()])

        assert numbers(begun.desk, "instructions") == [5, 5, 5, 5]

    def test_bytes_that_are_gone_now_leave_the_release_that_brought_them(self, begun: History) -> None:
        forget(begun.desk, [(begun.desk.root / "prompts/helpdesk.md").read_bytes()])

        assert [(one["file"], one["number"]) for one in lines(begun.desk, "instructions")] == [("prompts/helpdesk.md", 5)]
        assert "its bytes are not kept here: told as a whole" in notes(begun.desk, "instructions")

    def test_damaged_bytes_are_an_error_and_never_passed_by(self, begun: History) -> None:
        for pack in (begun.desk.registry / "store/packs").rglob("*.pack"):
            data = bytearray(pack.read_bytes())
            data[40:-400:7] = bytes(one ^ 255 for one in data[40:-400:7])
            pack.chmod(0o600)
            pack.write_bytes(data)

        assert begun.desk.fails("blame", "instructions")["kind"] == "integrity"


def test_what_cannot_be_read_at_the_end_of_a_way_has_no_trace_of_what_came_before() -> None:
    kept = Kept()
    place, gone = kept.keep("Be brief.\n"), FileDigest.of(b"gone")
    release = Outline(1, ReleaseId(bytes(32)), (), {})
    skipped: list[Skipped] = []
    stops = [Stop(release, place, ()), Stop(release, gone, (0,)), Stop(release, gone, (1,))]

    assert follow(stops, lambda digest: digest, LineTracer(kept), skipped) is None
    assert len(skipped) == 1
    assert follow([*stops, Stop(release, place, (2,))], lambda digest: digest, LineTracer(kept), []) is not None


def forget(desk: Desk, files: Iterable[bytes]) -> None:
    """Take files out of the index, as if their bytes were collected."""
    with closing(sqlite3.connect(desk.registry / "catalog.db")) as catalog, catalog:
        for data in files:
            assert catalog.execute("DELETE FROM index_files WHERE digest = ?", (bytes(FileDigest.of(data)),)).rowcount == 1


def test_hostile_words_do_not_reach_the_terminal(begun: History) -> None:
    begun.commit("ben\x1b[2J", "red\x1b[31m", {"prompts/helpdesk.md": "Be \x1b]0;owned\x07brief.\u202e\n"})

    said = begun.desk.tell("blame", "instructions").out
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "Be \\x1b]0;owned\\x07brief." in said
