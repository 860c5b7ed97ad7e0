"""Prompts: what a person reads when words changed, and what happens to what is no text."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lastgood.compare.change import Change, Edit, FileChange, Note
from lastgood.compare.components import compare_component
from lastgood.compare.ranking import COSMETIC
from lastgood.compare.text_change import TextChange
from lastgood.compare.words import LONGEST_BLOCK
from lastgood.model.component import Kind
from tests.compare.sides import NAME, Kept, compare_files_of, compare_one, marked_lines

SYSTEM = "You are a support assistant for ACME.\nAnswer in one paragraph.\nAlways cite the policy.\nBe polite.\n"
LONG = "word " * 50 + "Always cite the policy. " + "more " * 50


@dataclass(frozen=True)
class Case:
    name: str
    old: str
    new: str
    summary: str
    lines: tuple[str, ...]
    cosmetic: bool = False


CASES = (
    Case(
        "one line reworded",
        SYSTEM,
        SYSTEM.replace("Always cite the policy.", "Cite the policy if asked."),
        'system.md: line 3: "Always cite the policy." → "Cite the policy if asked."',
        ("3,1→3,1 [-Always cite-]{+Cite+} the policy{+ if asked+}.\n",),
    ),
    Case(
        "line added at the end",
        SYSTEM,
        SYSTEM + "Never guess.\n",
        'system.md: line 5 added: "Never guess."',
        ("5,0→5,1 {+Never guess.\n+}",),
    ),
    Case(
        "line removed",
        SYSTEM,
        SYSTEM.replace("Answer in one paragraph.\n", ""),
        'system.md: line 2 removed: "Answer in one paragraph."',
        ("2,1→2,0 [-Answer in one paragraph.\n-]",),
    ),
    Case(
        "two places",
        SYSTEM,
        SYSTEM.replace("one paragraph", "three bullet points").replace("polite", "friendly and polite"),
        'system.md: line 2: "Answer in one paragraph." → "Answer in three bullet points.", 1 more change (+5 −2 words in all)',
        ("2,1→2,1 Answer in [-one paragraph-]{+three bullet points+}.\n", "4,1→4,1 Be {+friendly and +}polite.\n"),
    ),
    Case(
        "rewritten as a whole",
        "Be brief.\nBe kind.\nBe exact.\n",
        "Respond at length.\nUse headings.\n",
        'system.md: lines 1-2: "Be brief.\\nBe kind.\\nBe exact." → "Respond at length.\\nUse headings."',
        ("1,3→1,2 [-Be brief.\nBe kind.\nBe exact-]{+Respond at length.\nUse headings+}.\n",),
    ),
    Case(
        "the change lies deep in a long line",
        LONG,
        LONG.replace("Always cite the", "Never cite any"),
        'system.md: line 1: "…word word word word Always cite the policy. more more more …" → '
        '"…word word word word Never cite any policy. more more more m…"',
        ("1,1→1,1 " + "word " * 50 + "[-Always-]{+Never+} cite [-the-]{+any+} policy. " + "more " * 50,),
    ),
    Case(
        "variable removed",
        "Hello {customer}, you have {{tier}} support.\n",
        "Hello, you have {{ tier }} support.\n",
        'system.md: variable {customer} removed, line 1: "Hello {customer}, you have {{tier}} support." → '
        '"Hello, you have {{ tier }} support."',
        ("1,1→1,1 Hello[- {customer}-], you have [-{{tier}}-]{+{{ tier }}+} support.\n",),
    ),
    Case(
        "variables added",
        "Hello {customer}.\n",
        "Hello {customer}, ask ${agent:-Ada} on $channel.\n",
        'system.md: variables ${agent}, $channel added, line 1: "Hello {customer}." → "Hello {customer}, ask ${agent:-Ada} on $channel."',
        ("1,1→1,1 Hello {customer}{+, ask ${agent:-Ada} on $channel+}.\n",),
    ),
    Case(
        "variable in another style",
        "Hi {name}!\n",
        "Hi {{name}}!\n",
        'system.md: variable {name} is now written {{name}}, line 1: "Hi {name}!" → "Hi {{name}}!"',
        ("1,1→1,1 Hi [-{name}-]{+{{name}}+}!\n",),
    ),
    Case(
        "JSON in a prompt is no variable",
        'Answer as {"a": 1, "price": "$5"}.\n',
        'Answer as {"b": 1, "price": "$6"}.\n',
        'system.md: line 1: "Answer as {"a": 1, "price": "$5"}." → "Answer as {"b": 1, "price": "$6"}."',
        ('1,1→1,1 Answer as {"[-a-]{+b+}": 1, "price": "$[-5-]{+6+}"}.\n',),
    ),
    Case(
        "ideographs are words",
        "请务必引用政策。\n",
        "请引用最新政策。\n",
        'system.md: line 1: "请务必引用政策。" → "请引用最新政策。"',
        ("1,1→1,1 请[-务必-]引用{+最新+}政策。\n",),
    ),
    Case(
        "only signs",
        "Be brief, please.",
        "Be brief; please!",
        'system.md: line 1: "Be brief, please." → "Be brief; please!"',
        ("1,1→1,1 Be brief[-,-]{+;+} please[-.-]{+!+}",),
    ),
    Case("from nothing", "", "Be kind.\n", 'system.md: line 1 added: "Be kind."', ("1,0→1,1 {+Be kind.\n+}",)),
    Case("to nothing", "Be kind.", "", 'system.md: line 1 removed: "Be kind."', ("1,1→1,0 [-Be kind.-]",)),
    Case(
        "a line moved",
        "a a\nb b\nc c\nd d\n",
        "b b\nc c\na a\nd d\n",
        'system.md: line 1 removed: "a a", 1 more change (+2 −2 words in all)',
        ("1,1→1,0 [-a a\n-]", "4,0→3,1 {+a a\n+}"),
    ),
    Case(
        "escape sequences and direction marks",
        "Hello\n",
        "Hello \x1b[2J\x1b[31mworld\u202e\n",
        'system.md: line 1: "Hello" → "Hello \\x1b[2J\\x1b[31mworld\\u202e"',
        ("1,1→1,1 Hello{+ \x1b[2J\x1b[31mworld\u202e+}\n",),
    ),
    Case(
        "invisible characters",
        "cite the policy\n",
        "cite the pol\u200bicy\n",
        'system.md: line 1: "cite the policy" → "cite the pol\\u200bicy"',
        ("1,1→1,1 cite the [-policy-]{+pol\u200bicy+}\n",),
    ),
    Case(
        "only whitespace",
        SYSTEM,
        SYSTEM.replace("Be polite", "  Be  polite"),
        "system.md: only whitespace changed",
        ("4,1→4,1 {+  +}Be[- -]{+  +}polite.\n",),
        cosmetic=True,
    ),
    Case(
        "the last line end",
        SYSTEM,
        SYSTEM[:-1],
        "system.md: only whitespace changed: the last line end was removed",
        ("4,1→4,1 Be polite.[-\n-]",),
        cosmetic=True,
    ),
    Case(
        "only line endings",
        SYSTEM,
        SYSTEM.replace("\n", "\r\n"),
        "system.md: line endings changed (LF → CRLF)",
        (),
        cosmetic=True,
    ),
    Case(
        "line endings and a word",
        SYSTEM.replace("\n", "\r\n"),
        SYSTEM.replace("polite", "kind"),
        'system.md: line endings changed (CRLF → LF), line 4: "Be polite." → "Be kind."',
        ("4,1→4,1 Be [-polite-]{+kind+}.\n",),
    ),
    Case(
        "only a byte order mark",
        SYSTEM,
        "\ufeff" + SYSTEM,
        "system.md: a byte order mark was added",
        (),
        cosmetic=True,
    ),
    Case(
        "only the form of Unicode",
        "Café rules.\n",
        "Cafe\u0301 rules.\n",
        "system.md: only the form of Unicode changed, it reads the same",
        ("1,1→1,1 [-Café-]{+Cafe\u0301+} rules.\n",),
        cosmetic=True,
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Case) -> None:
    change = compare_one(Kind.PROMPT, "prompts/system.md", case.old, case.new)
    (detail,) = change.details
    assert isinstance(detail, TextChange)
    assert (change.summary, change.change) == (case.summary, Change.CHANGED)
    assert tuple(marked_lines(detail.lines)) == case.lines
    assert detail.cosmetic == case.cosmetic
    assert (change.rank >= COSMETIC) == case.cosmetic
    assert change.summary.isprintable()


@pytest.mark.parametrize(
    ("old", "reason"),
    [(SYSTEM.encode() + b"\x00", "it is binary"), ("Café".encode("latin-1"), "it is not UTF-8"), (b"\n" * 500_001, "lines")],
)
def test_what_is_no_text_is_told_by_its_digest_and_says_why(old: bytes, reason: str) -> None:
    change = compare_one(Kind.PROMPT, "prompts/system.md", old, SYSTEM)
    file, note = change.details
    assert isinstance(file, FileChange)
    assert file.change is Edit.CHANGED
    assert isinstance(note, Note)
    assert reason in note.text
    assert note.text in change.summary
    assert note.text.endswith("compared by its digest only")
    assert change.rank < COSMETIC


def test_a_line_of_five_megabytes_is_shown_by_its_one_word() -> None:
    half = "word " * 500_000
    change = compare_one(Kind.PROMPT, "prompts/system.md", half + half, half + "other " + half)
    (detail,) = change.details
    assert isinstance(detail, TextChange)
    assert (detail.words_added, detail.words_removed) == (1, 0)
    assert len(change.summary) < 300
    assert "other" in change.summary


def test_a_line_too_long_for_words_is_replaced_between_its_ends() -> None:
    same = "a b " * LONGEST_BLOCK
    old, new = f"first old {same}old last", f"first new {same}new last"
    change = compare_one(Kind.PROMPT, "prompts/system.md", old, new)
    (detail,) = change.details
    assert isinstance(detail, TextChange)
    assert [segment.text[:6] for segment in detail.lines[0].segments] == ["first ", "old a ", "new a ", " last"]


def test_several_files_are_told_by_weight() -> None:
    change = compare_files_of(
        Kind.PROMPT,
        {"prompts/a.md": SYSTEM, "prompts/b.md": SYSTEM + "x", "prompts/old.md": "bye", "prompts/mv.md": "moved it"},
        {
            "prompts/a.md": SYSTEM.replace("\n", "\n\n"),
            "prompts/b.md": SYSTEM.replace("polite", "kind") + "x",
            "prompts/new.md": "hi",
            "prompts/sub/mv.md": "moved it",
        },
    )
    assert change.summary == (
        'b.md: line 4: "Be polite." → "Be kind."; a.md: only whitespace changed; '
        "3 files: 1 added, 1 removed, 1 renamed (new.md, old.md, sub/mv.md)"
    )
    assert [type(detail) for detail in change.details] == [TextChange, TextChange, FileChange, FileChange, FileChange]


def test_a_mode_is_told_beside_the_words() -> None:
    kept = Kept()
    old = kept.side(Kind.PROMPT, {"a.md": "Be brief."})
    new = kept.side(Kind.PROMPT, {"a.md": "Be kind."}, frozenset({"a.md"}))
    change = compare_component(NAME, old, new, kept)
    assert change.summary == 'a.md: line 1: "Be brief." → "Be kind."; a.md is now executable'


def test_many_files_make_no_long_summary() -> None:
    old = {f"prompts/{number}.md": f"number {number}" for number in range(500)}
    change = compare_files_of(Kind.PROMPT, old, {path: text + " more words" for path, text in old.items()})
    assert len(change.summary) < 300
    assert "and 49" in change.summary
    assert len(change.details) == 500
