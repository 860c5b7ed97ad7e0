"""What changed between two releases, as a page: sentences first, for whoever decides; the details below, for whoever looks.

write_page(Path("changes.html"), comparison_page(registry.diff("prod@3w", "prod")))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from types import MappingProxyType

from lastgood.compare.change import Change, ComponentChange, Detail, Finding
from lastgood.compare.showing import Block, Line, Span, Table, Tone
from lastgood.compare.wording import count
from lastgood.model.component import Kind
from lastgood.pages.page import escape, make_page
from lastgood.registry.diff import Diff, DiffSide

MOST_DETAILS = 60
"""How many details of one component stand on the page; the command line has the others."""

KIND_WORDS: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.PROMPT: "the instructions that every answer is made from",
        Kind.CONFIG: "settings: sampling, tools, routing",
        Kind.HOSTED: "a provider's model",
        Kind.ARTIFACT: "the weights that answer",
        Kind.CODE: "the program around the model",
        Kind.RUNTIME: "the packages and the platform it runs on",
        Kind.DATASET: "data that models are made from or judged by; does not act in production itself",
        Kind.EVAL: "how releases are judged; does not act in production itself",
    }
)
"""What each kind is, for who has never heard of it."""

_TAGS: Mapping[Tone, tuple[str, str]] = MappingProxyType(
    {
        Tone.PLAIN: ("", ""),
        Tone.REMOVED: ("<del>", "</del>"),
        Tone.ADDED: ("<ins>", "</ins>"),
        Tone.OLD: ('<span class="old">', "</span>"),
        Tone.NEW: ('<span class="new">', "</span>"),
        Tone.STRONG: ("<strong>", "</strong>"),
        Tone.PLACE: ('<span class="place">', "</span>"),
        Tone.ASIDE: ('<span class="quiet">', "</span>"),
    }
)


def comparison_page(found: Diff) -> str:
    """Return the page of a comparison."""
    release = found.new.release or found.old.release
    title = f"What changed in {release.pipeline}" if release else "What changed"
    ranked = found.comparison.ranked
    body = [f"<h1>{escape(title)}</h1>", *_sides(found), f'<p class="verdict">{escape(_verdict(found))}</p>']
    if ranked:
        body.append('<ol class="short">')
        body += [f"<li>{_name(one)} {escape(one.summary)}</li>" for one in ranked]
        body.append("</ol>")
    for one in ranked:
        body += _section(one)
    same = [escape(one.name) for one in found.comparison.components if one.change is Change.UNCHANGED]
    if same:
        body.append(f'<h2>Unchanged</h2>\n<p class="quiet">{", ".join(same)}</p>')
    body.append(_footer(found))
    return make_page(f"{title}: {found.old.text} → {found.new.text}", "\n".join(body))


def _sides(found: Diff) -> Iterator[str]:
    yield "<dl>"
    for word, side in (("from", found.old), ("to", found.new)):
        yield f"<dt>{word}</dt><dd>{_side(side)}</dd>"
    yield "</dl>"


def _side(side: DiffSide) -> str:
    release = side.release
    if release is None:
        return f"<strong>{escape(side.text)}</strong>, as it lies on disk"
    asked = "" if side.text == release.label else f"{escape(side.text)} = "
    by = f" by {escape(release.author)}" if release.author else ""
    message = f" “{escape(release.message.strip().partition(chr(10))[0])}”" if release.message else ""
    return f"{asked}<strong>{escape(release.label)}</strong>, {release.recorded_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC{by}{message}"


def _verdict(found: Diff) -> str:
    changed, all_of_them = len(found.changed), len(found.comparison.components)
    if not changed:
        return "Nothing changed." if not found.findings else "No component changed."
    acts = "What acts in production differs." if found.behavior_changed else "What acts in production is the same on both sides."
    return f"{changed} of {count(all_of_them, 'component')} changed. {acts}"


def _name(one: ComponentChange | Finding) -> str:
    if isinstance(one, Finding):
        return f"<strong>{escape(one.about)}</strong>"
    state = "" if one.change is Change.CHANGED else f", {one.change.value}"
    return f'<strong>{escape(one.name)}</strong><span class="kind">{one.kind.value}{state}</span>'


def _section(one: ComponentChange | Finding) -> Iterator[str]:
    details = () if isinstance(one, ComponentChange) and one.is_said_whole else one.details
    if not details:
        return
    yield f"<h2>{_name(one)}</h2>"
    if isinstance(one, ComponentChange):
        yield f'<p class="quiet">{escape(KIND_WORDS[one.kind])}</p>'
    yield from _details(details)


def _details(details: Sequence[Detail]) -> Iterator[str]:
    yield '<div class="details">'
    for detail in details[:MOST_DETAILS]:
        for block in detail.shown():
            yield _block(block)
    if len(details) > MOST_DETAILS:
        yield f'<p class="quiet">… and {len(details) - MOST_DETAILS:,} more</p>'
    yield "</div>"


def _block(block: Block) -> str:
    return _table(block) if isinstance(block, Table) else _line(block)


def _line(line: Line) -> str:
    indent = f' style="padding-left:{line.indent * 1.4:.1f}em"' if line.indent else ""
    return f"<p{indent}>{''.join(map(_span, line.spans))}</p>"


def _span(span: Span) -> str:
    before, after = _TAGS[span.tone]
    return f"{before}{escape(span.text)}{after}" if span.text else ""


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.headers)
    rows = "\n".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    numeric = ' class="numeric"' if table.numeric else ""
    return f"<table{numeric}>\n<tr>{head}</tr>\n{rows}\n</table>"


def _footer(found: Diff) -> str:
    sides = [side.release for side in (found.old, found.new) if side.release is not None]
    digests = "; ".join(f"{escape(one.label)} is <code>{one.release}</code>" for one in sides)
    again = f"lastgood diff {' '.join(one.label for one in sides)} --all"
    return f"<footer>{digests}. Everything in full: <code>{escape(again)}</code></footer>"
