"""What the documents show is what happens: their console blocks are run, their links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.house.console import Session

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
WITH_COMMANDS = [page for page in PAGES if Session.read(page.read_text()).steps]


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=named)
@pytest.mark.usefixtures("lastgood_program")
def test_commands_do_what_the_page_says(page: Path, tmp_path: Path, clean_environment: Mapping[str, str]) -> None:
    outcomes = Session.read(page.read_text()).run(tmp_path, clean_environment)

    complaints = [complaint for outcome in outcomes if (complaint := outcome.complaint())]
    assert not complaints, "\n\n".join([f"{named(page)} is not true", *complaints])


def test_the_readme_shows_the_day_in_commands() -> None:
    shown = {words[1] for step in Session.read((ROOT / "README.md").read_text()).steps if (words := step.command.split())[0] == "lastgood"}

    assert {"init", "commit", "deploy", "diff", "rollback"} <= shown


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            dead.append(target)
    assert not dead


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


class TestTheRunner:
    """The runner notices when a page is wrong."""

    def complaints(self, page: str, folder: Path, environment: Mapping[str, str]) -> list[str]:
        outcomes = Session.read(page).run(folder, environment)
        return [complaint for outcome in outcomes if (complaint := outcome.complaint())]

    @pytest.mark.parametrize(
        "page",
        [
            "```console\n$ true\n```",
            "```console\n$ (exit 6)  # exit 6\n```",
            "```console\n$ printf 'a\\nb\\nc\\n'\na\n...\nc\n```",
            "```console\n$ cat <<END\n> two\n> END\ntwo\n```",
            "```console\n$ cd /; x=7\n```\nwords\n```console\n$ echo $x $PWD\n7 /\n```",
            "```console\n$ echo to standard error >&2\nto standard ...\n```",
            "```sh\n$ false\n```",
        ],
    )
    def test_a_true_page_passes(self, page: str, tmp_path: Path, clean_environment: Mapping[str, str]) -> None:
        assert not self.complaints(page, tmp_path, clean_environment)

    @pytest.mark.parametrize(
        ("page", "complaint"),
        [
            ("```console\n$ false\n```", "exit 1, the page says 0"),
            ("text\n\n```console\n$ true  # exit 6\n```", "line 4: $ true"),
            ("```console\n$ echo two\none\n```", "the page shows:\none"),
            ("```console\n$ printf 'a\\nb\\n'\na\n```", "it printed:\na\nb"),
            ("```console\n$ no-such-program\n```", "exit 127"),
        ],
    )
    def test_a_wrong_page_is_found(self, page: str, complaint: str, tmp_path: Path, clean_environment: Mapping[str, str]) -> None:
        found = self.complaints(page, tmp_path, clean_environment)

        assert len(found) == 1
        assert complaint in found[0]

    def test_a_shell_that_ends_early_is_noticed(self, tmp_path: Path, clean_environment: Mapping[str, str]) -> None:
        with pytest.raises(AssertionError, match="after 0 of 2 commands"):
            Session.read("```console\n$ exit 0\n$ true\n```").run(tmp_path, clean_environment)
