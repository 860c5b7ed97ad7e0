"""Prompt files of every form: what a person reads when a chat, its front matter, a variable or a block's place changed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lastgood.canonical import canonical_json
from lastgood.compare.change import ComponentChange, KeyChange, Note
from lastgood.compare.chats import MessageChange
from lastgood.compare.components import compare_component, comparer_of
from lastgood.compare.ranking import COSMETIC
from lastgood.compare.text_change import TextChange, VariablesChange
from lastgood.compare.tool_changes import ToolChange
from lastgood.model.component import Kind
from tests.compare.sides import NAME, Kept, compare_files_of, compare_one

CHAT = """model: gpt-4.1
messages:
- role: system
  content: |
    You are {bot}.
    Be brief.
- role: user
  content: '{question}'
"""
PARTS = """[
  {"role": "user", "content": [{"type": "text", "text": "Look at this."}, {"type": "image_url", "image_url": {"url": "a.png"}}]},
  {"role": "assistant", "content": "It is a long enough answer here."}
]"""
DOT = """---
model: googleai/gemini-2.0-flash-001
config:
  temperature: 0.2
---
{{role "system"}}
Be brief.
{{role "user"}}
{{question}}
"""
REFUNDS = "Rules for refunds:\n- Cite the policy.\n- Offer a voucher.\n"
REST = "".join(f"Rule number {number} says something else.\n" for number in range(10))
SAME_WORDS = "".join(f"line {number}\n" for number in range(5))


@dataclass(frozen=True)
class Case:
    name: str
    path: str
    old: str
    new: str
    summary: str
    details: tuple[type, ...]
    cosmetic: bool = False


CASES = (
    Case(
        "a variable renamed",
        "a.md",
        "Hello {name}.\nBye, {name}.\n",
        "Hello {customer}.\nBye, {customer}.\n",
        "a.md: variable {name} renamed to {customer}",
        (TextChange,),
    ),
    Case(
        "a variable renamed, and words beside it",
        "a.md",
        "Hello {name}.\nBye.\n",
        "Hello {customer}.\nGood bye.\n",
        'a.md: variable {name} renamed to {customer}, lines 1-2: "Hello {name}.\\nBye." → "Hello {customer}.\\nGood bye."',
        (TextChange,),
    ),
    Case(
        "a variable of Jinja renamed in a statement",
        "a.j2",
        "{% for doc in docs %}{{ doc.text }}{% endfor %}\n",
        "{% for doc in documents %}{{ doc.text }}{% endfor %}\n",
        'a.j2: variable {{docs}} renamed to {{documents}}, line 1: "{% for doc in docs %}{{ doc.text }}{% endfor %}" → '
        '"{% for doc in documents %}{{ doc.text }}{% endfor %}"',
        (TextChange,),
    ),
    Case(
        "a section of Mustache added",
        "a.mustache",
        "Be brief.\n",
        "Be brief.\n{{#premium}}Offer {{gift}}.{{/premium}}\n",
        'a.mustache: variables {{premium}}, {{gift}} added, line 2 added: "{{#premium}}Offer {{gift}}.{{/premium}}"',
        (TextChange,),
    ),
    Case(
        "a block moved",
        "a.md",
        REFUNDS + "\n" + REST,
        REST + "\n" + REFUNDS,
        'a.md: lines 1-3 moved to lines 12-14: "Rules for refunds:"',
        (TextChange,),
    ),
    Case(
        "a block moved and reworded",
        "a.md",
        REFUNDS + "\n" + REST,
        REST + "\n" + REFUNDS.replace("voucher", "refund"),
        'a.md: lines 1-3 moved to lines 12-14 and reworded: "Rules for refunds:\\n- Cite the policy.\\n- Offer a voucher." → '
        '"Rules for refunds:\\n- Cite the policy.\\n- Offer a refund."',
        (TextChange,),
    ),
    Case(
        "a block moved beside other changes",
        "a.md",
        REFUNDS + "\n" + REST + "Good bye.\n",
        REST + "\n" + REFUNDS + "Good day.\n",
        'a.md: line 15: "Good bye." → "Good day.", lines 1-3 moved to lines 12-14: "Rules for refunds:"',
        (TextChange,),
    ),
    Case(
        "a section moved, reworded, beside a variable that was renamed",
        "a.md",
        "You answer {name}.\n\n## Tone\nBe brief. Be polite, whatever they say.\nNever promise a date.\n\n" + REFUNDS + "\nThat is all.\n",
        "You answer {customer}.\n\n" + REFUNDS + "\n## Tone\nBe polite, whatever they say.\nNever promise a date.\n\nThat is all.\n",
        'a.md: variable {name} renamed to {customer}, lines 3-5 moved to lines 7-9 and reworded: "## Tone\\nBe brief. Be polite, whatever '
        'they say.\\nNever promi…" → "## Tone\\nBe polite, whatever they say.\\nNever promise a date."',
        (TextChange,),
    ),
    Case(
        "much longer",
        "a.md",
        "Be brief.\n",
        "Be brief.\n" + "Explain every step of it. " * 12,
        'a.md: line 2 added: "Explain every step of it. Explain every step of it. Explain…", 10 → 322 characters (+3120%)',
        (TextChange,),
    ),
    Case(
        "chat: model, words and a variable",
        "c.yaml",
        CHAT,
        CHAT.replace("gpt-4.1", "gpt-4o").replace("brief", "kind").replace("{question}", "{query}"),
        'c.yaml: model: "gpt-4.1" → "gpt-4o"; messages[0] (system): line 2: "Be brief." → "Be kind."; '
        "messages[1] (user): variable {question} renamed to {query}",
        (KeyChange, MessageChange, MessageChange),
    ),
    Case(
        "chat: role changed",
        "c.yaml",
        CHAT,
        CHAT.replace("system", "developer"),
        "c.yaml: messages[0] (developer): role system → developer",
        (MessageChange,),
    ),
    Case(
        "chat: message added at the end",
        "c.yaml",
        CHAT,
        CHAT + "- role: assistant\n  content: Sure, {name}.\n",
        'c.yaml: messages[2] (assistant) added: "Sure, {name}."',
        (MessageChange,),
    ),
    Case(
        "chat: message put in between",
        "c.json",
        '{"messages":[{"role":"system","content":"a"},{"role":"user","content":"b"}]}',
        '{"messages":[{"role":"system","content":"a"},{"role":"user","content":"x"},{"role":"user","content":"b"}]}',
        'c.json: messages[1] (user) added: "x"',
        (MessageChange,),
    ),
    Case(
        "chat: message removed",
        "c.yaml",
        CHAT,
        CHAT[: CHAT.index("- role: user")],
        'c.yaml: messages[1] (user) removed: "{question}"',
        (MessageChange,),
    ),
    Case(
        "chat: messages in another order",
        "c.toml",
        '[[messages]]\nrole = "user"\ncontent = "Hello"\n[[messages]]\nrole = "system"\ncontent = "Be brief."\n',
        '[[messages]]\nrole = "system"\ncontent = "Be brief."\n[[messages]]\nrole = "user"\ncontent = "Hello"\n',
        "c.toml: messages[0] (user) moved to messages[1]",
        (MessageChange,),
    ),
    Case(
        "chat: a message's name",
        "c.yaml",
        CHAT,
        CHAT + "  name: ada\n",
        "c.yaml: messages[1] (user): more than its content changed",
        (MessageChange,),
    ),
    Case(
        "chat at the top, content in parts",
        "c.json",
        PARTS,
        PARTS.replace("Look at", "Describe").replace("a.png", "b.png"),
        'c.json: [0] (user): lines 1-2: "Look at this.\\n{"type": "image_url", "image_url": {"url": "a…" → '
        '"Describe this.\\n{"type": "image_url", "image_url": {"url": "…"',
        (MessageChange,),
    ),
    Case(
        "chat: the first message of all",
        "c.json",
        '{"messages": []}',
        '{"messages": [{"role": "user", "parts": [{"text": "Hello"}]}]}',
        'c.json: messages[0] (user) added: "Hello"',
        (MessageChange,),
    ),
    Case(
        "chat: only whitespace",
        "c.yaml",
        CHAT,
        CHAT.replace("Be brief.", "Be  brief."),
        "c.yaml: messages[0] (system): only whitespace changed",
        (MessageChange,),
        cosmetic=True,
    ),
    Case(
        "chat: a tool beside it",
        "c.json",
        '{"messages": [], "tools": [{"name": "search", "input_schema": {"properties": {"q": {}}}}]}',
        '{"messages": [], "tools": [{"name": "search", "input_schema": {"properties": {"q": {}}, "required": ["q"]}}]}',
        "c.json: tool search: parameter q is now required (breaking)",
        (ToolChange,),
    ),
    Case("chat: only comments", "c.yaml", CHAT, "# the desk\n" + CHAT, "c.yaml: only comments or layout changed", (Note,), cosmetic=True),
    Case(
        "no chat: texts by words, values by key",
        "c.yaml",
        "prompts:\n  greet: Hello {name}, how are you?\n  retries: 1\n",
        "prompts:\n  greet: Hello {customer}, how are you?\n  retries: 2\n",
        "c.yaml: prompts.greet: variable {name} renamed to {customer}; prompts.retries: 1 → 2",
        (TextChange, KeyChange),
    ),
    Case(
        "no chat: a text that came with its variables",
        "c.yaml",
        "a: 1\n",
        "a: 1\nnew:\n  greet: Hello {name}\n",
        'c.yaml: new added: {"greet": "Hello {name}"}; variable {name} added',
        (KeyChange, VariablesChange),
    ),
    Case(
        "front matter: keys and words",
        "a.md",
        "---\ntitle: one\ntemperature: 0.2\n---\nHello\nBe brief.\n",
        "---\ntitle: two\ntemperature: 0.9\n---\nHello\nBe kind.\n",
        'a.md: temperature: 0.2 → 0.9 (sampling); line 6: "Be brief." → "Be kind."; title: "one" → "two"',
        (KeyChange, TextChange, KeyChange),
    ),
    Case(
        "front matter added",
        "a.prompt",
        "Hello\n",
        "---\nmodel: gpt-4o\n---\nHello\n",
        'a.prompt: model added: "gpt-4o"',
        (KeyChange,),
    ),
    Case(
        "front matter: only its layout",
        "a.prompt",
        "---\nmodel: a\n---\nHello\n",
        "---\nmodel:   a\n---\nHello\n",
        "a.prompt: front matter: only comments or layout changed",
        (Note,),
        cosmetic=True,
    ),
    Case(
        "front matter and line endings",
        "a.prompt",
        "---\r\nmodel: a\r\n---\r\nHello\r\n",
        "---\nmodel: b\n---\nHello\n",
        'a.prompt: model: "a" → "b"; line endings changed (CRLF → LF)',
        (KeyChange, TextChange),
    ),
    Case(
        "a rule above a text is no front matter",
        "a.md",
        "---\nA rule above.\n---\nHello\n",
        "---\nA rule above it.\n---\nHello\n",
        'a.md: line 2: "A rule above." → "A rule above it."',
        (TextChange,),
    ),
    Case(
        "dotprompt: settings and two messages",
        "a.prompt",
        DOT,
        DOT.replace("0.2", "0.7").replace("brief", "kind").replace("question", "query"),
        'a.prompt: config.temperature: 0.2 → 0.7 (sampling); messages[0] (system): line 7: "Be brief." → "Be kind."; '
        "messages[1] (user): variable {{question}} renamed to {{query}}",
        (KeyChange, MessageChange, MessageChange),
    ),
    Case(
        "dotprompt: marks in a text that had none",
        "a.prompt",
        "Be brief.\n",
        '{{role "system"}}\nBe brief.\n',
        "a.prompt: messages[0] (system): role user → system",
        (MessageChange,),
    ),
    Case(
        "dotprompt: a mark that goes without saying",
        "a.prompt",
        "Hello\n",
        '{{role "user"}}\nHello\n',
        'a.prompt: line 1 added: "{{role "user"}}"',
        (TextChange,),
    ),
    Case(
        "dotprompt: a message in between",
        "a.prompt",
        DOT,
        DOT.replace('{{role "user"}}', '{{role "model"}}\nI will.\n{{role "user"}}'),
        'a.prompt: messages[1] (model) added: "I will."',
        (MessageChange,),
    ),
    Case(
        "malformed YAML",
        "c.yaml",
        CHAT,
        CHAT.replace("messages:", "messages: ["),
        "c.yaml: the new file is not valid YAML, line 3: did not find expected node content, compared as text; "
        'line 2: "messages:" → "messages: ["',
        (TextChange, Note),
    ),
    Case(
        "malformed front matter",
        "a.prompt",
        "---\nmodel: [a\n---\nHello\n",
        "---\nmodel: a\n---\nHello\n",
        "a.prompt: the front matter of the old file is not valid YAML, line 2: did not find expected ',' or ']', compared as text; "
        'line 2: "model: [a" → "model: a"',
        (TextChange, Note),
    ),
)


def texts_of(change: ComponentChange) -> list[TextChange]:
    texts = [detail.text if isinstance(detail, MessageChange) else detail for detail in change.details]
    return [text for text in texts if isinstance(text, TextChange)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Case) -> None:
    change = compare_one(Kind.PROMPT, f"prompts/{case.path}", case.old, case.new)
    assert change.summary == case.summary
    assert tuple(map(type, change.details)) == case.details
    assert (change.rank >= COSMETIC) == case.cosmetic
    assert change.summary.isprintable()
    canonical_json(change.to_json())
    for detail in change.details:
        assert list(detail.shown())


def test_each_file_says_its_weightiest_before_one_says_a_second() -> None:
    old = {"p/c.yaml": CHAT, "p/a.md": "Be brief.\nBe exact.\n", "p/z.md": "a b\n"}
    new = {"p/c.yaml": CHAT.replace("gpt-4.1", "gpt-4o").replace("brief", "kind"), "p/a.md": "Be long.\nBe exact.\n", "p/z.md": "a  b\n"}
    assert compare_files_of(Kind.PROMPT, old, new).summary == (
        'c.yaml: model: "gpt-4.1" → "gpt-4o"; a.md: line 1: "Be brief." → "Be long."; '
        'c.yaml: messages[0] (system): line 2: "Be brief." → "Be kind."; z.md: only whitespace changed'
    )


def test_what_is_neither_a_config_nor_a_text_is_told_by_its_digest() -> None:
    change = compare_one(Kind.PROMPT, "a.yaml", CHAT, b"\x00\xff")
    assert change.summary == "a.yaml changed (123 bytes → 2 bytes), it is binary: compared by its digest only"


def test_a_variable_that_moved_to_another_message_neither_went_nor_came() -> None:
    change = compare_one(Kind.PROMPT, "a.yaml", CHAT, CHAT.replace("{question}", "Well?").replace("Be brief.", "Answer {question}."))
    assert [name for text in texts_of(change) for name in (*text.variables_added, *text.variables_removed)] == []


def test_lengths_are_told_in_characters_and_where_somebody_counts_in_tokens() -> None:
    class Words:
        def count(self, text: str) -> int:
            return len(text.split())

    kept = Kept()
    old, new = kept.side(Kind.PROMPT, {"a.md": "Be brief."}), kept.side(Kind.PROMPT, {"a.md": "Be brief and kind."})
    change = compare_component(NAME, old, new, kept, lambda kind: comparer_of(kind, Words()))
    (text,) = texts_of(change)
    assert (text.characters, text.tokens) == ((9, 18), (2, 4))
    assert change.summary == 'a.md: line 1: "Be brief." → "Be brief and kind.", 2 → 4 tokens (+100%)'
    plain = compare_files_of(Kind.PROMPT, {"a.md": "Be brief."}, {"a.md": "Be brief and kind."})
    assert texts_of(plain)[0].tokens is None
