"""The page of a comparison: the same sentences as on the terminal, nothing run and nothing fetched, and no file lost."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.cli.commands import Desk, fill

HOSTILE = "</div><script>alert(1)</script> & \x1b[31mred\u202e"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A workspace with a release, and another prompt on disk that wants to be more than text."""
    desk = fill(tmp_path / "bot")
    desk.tell("init")
    desk.tell("commit", "-m", "<b>first</b>")
    desk.write("prompts/system.md", f"Cite {HOSTILE}\n")
    desk.write("config/routing.yaml", f'threshold: "{HOSTILE.encode().decode("ascii", "ignore")!r}"\n'.replace("\\x1b", ""))
    return desk


class Reader(HTMLParser):
    """What a browser would make of a page: its tags, and its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []
        self.attributes: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def page_of(desk: Desk, name: str = "page.html") -> str:
    desk.tell("diff", "r1", "--html", name)
    return (desk.root / name).read_text()


def test_nothing_is_run_and_nothing_is_fetched(desk: Desk) -> None:
    page = page_of(desk)
    read = Reader(page)
    assert not {"script", "img", "link", "iframe", "object", "form", "b"} & set(read.tags)
    assert not [name for name in read.attributes if name.startswith("on") or name in {"src", "href"}]
    assert "http" not in re.sub(r"http-equiv", "", page)
    assert "default-src 'none'" in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_it_says_what_the_terminal_says(desk: Desk) -> None:
    words = " ".join(Reader(page_of(desk)).words)
    for change in desk.ask("diff", "r1")["components"]:
        if change["change"] == "changed":
            assert change["summary"] in words
    assert "<b>first</b>" in words
    assert "2 of 3 components changed." in words
    assert "Unchanged" in words


def test_the_same_difference_is_the_same_page(desk: Desk) -> None:
    desk.tell("commit", "-m", "second")
    for name in ("a.html", "b.html"):
        desk.tell("diff", "r1", "r2", "--html", name)
    assert (desk.root / "a.html").read_bytes() == (desk.root / "b.html").read_bytes()


def test_an_earlier_page_is_replaced_and_nothing_else_is(desk: Desk) -> None:
    page_of(desk)
    page_of(desk)
    before = (desk.root / "lastgood.toml").read_bytes()
    assert desk.fails("diff", "r1", "--html", "lastgood.toml")["kind"] == "already-exists"
    assert (desk.root / "lastgood.toml").read_bytes() == before
    assert desk.fails("diff", "r1", "--html", "nowhere/page.html")["kind"] == "not-found"
    assert desk.fails("diff", "r1", "--html", "prompts")["kind"] == "invalid"
