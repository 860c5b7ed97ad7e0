"""The frame of a page: its style, its policy, escaping, and how it is written.

>>> escape("<b> & co")
'&lt;b&gt; &amp; co'
>>> make_page("What changed", "<p>nothing</p>").startswith("<!doctype html>")
True
"""

from __future__ import annotations

import html
from pathlib import Path

from lastgood.compare.wording import printable
from lastgood.errors import AlreadyExists, Invalid, of_os_error
from lastgood.workspace.durable import replace_file

_BEGINNING = '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="generator" content="lastgood">\n'

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --quiet: #5c6675; --line: #d9dee6; --paper: #fff; --shade: #f5f7fa;
  --old: #b3261e; --old-shade: #fdeceb; --new: #146c2e; --new-shade: #e6f4ea; --accent: #1f4e8c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --quiet: #9aa5b5; --line: #333c4a; --paper: #12161c; --shade: #1a2029;
  --old: #ff9a92; --old-shade: #3a1d1b; --new: #7fd79a; --new-shade: #16301f; --accent: #8fb8f0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.5rem 3rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; padding-top: .8rem; border-top: 1px solid var(--line); }
p { margin: .3rem 0; }
.quiet { color: var(--quiet); }
.verdict { font-size: 1.1rem; margin: 1rem 0; padding: .7rem 1rem; background: var(--shade); border-left: 4px solid var(--accent); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .8rem 0; }
dt { color: var(--quiet); } dd { margin: 0; }
ol.short { padding-left: 1.6rem; } ol.short li { margin: .45rem 0; }
.kind { font-size: .8rem; color: var(--quiet); border: 1px solid var(--line); border-radius: .8rem; padding: .05rem .55rem;
  margin-left: .4rem; white-space: nowrap; font-weight: normal; }
.details { font: 13.5px/1.55 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; background: var(--shade);
  border-radius: 4px; padding: .6rem .9rem; margin-top: .6rem; }
.details p { white-space: pre-wrap; margin: 0; }
del { color: var(--old); background: var(--old-shade); text-decoration: line-through; }
ins { color: var(--new); background: var(--new-shade); text-decoration: underline; text-underline-offset: 3px; }
.old { color: var(--old); } .new { color: var(--new); } .place { color: var(--accent); }
table { border-collapse: collapse; margin: .5rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .15rem 1.1rem .15rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--quiet); }
table.numeric td:not(:first-child), table.numeric th:not(:first-child) { text-align: right; }
footer { margin-top: 2.5rem; padding-top: .8rem; border-top: 1px solid var(--line); font-size: .85rem; color: var(--quiet); }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .92em; }
@media print { :root { color-scheme: light; --ink: #000; --quiet: #444; --line: #bbb; --paper: #fff; --shade: #f7f7f7;
  --old: #8c1d18; --old-shade: #fff; --new: #0b4d20; --new-shade: #fff; --accent: #000; }
  body { font-size: 10.5pt; max-width: none; padding: 0; } .details { font-size: 8.5pt; border: 1px solid var(--line); }
  h2 { break-after: avoid; } li, tr { break-inside: avoid; } @page { margin: 16mm; } }
"""


def escape(text: str) -> str:
    """Return a text for a page: nothing in it is markup, and what cannot be seen is shown as an escape; line ends stay."""
    return html.escape("\n".join(printable(line) for line in text.split("\n")))


def make_page(title: str, body: str, style: str = "") -> str:
    """Return a whole page.

    Args:
        title: plain text.
        body: HTML that was escaped.
        style: rules that are this page's own.
    """
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return (
        f'{_BEGINNING}<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{style}</style>\n<body>\n{body}\n</body>\n</html>\n"
    )


def write_page(path: Path, page: str) -> None:
    """Write a page; one that was written earlier is replaced, all of it or nothing, and no other file ever is.

    Raises:
        AlreadyExists: there is something else of that name.
        NotFound, NotAllowed, ReadOnly, StorageFull: it cannot be written.
    """
    try:
        if path.is_dir():
            raise Invalid(f"{path} is a folder; name a file for the page")
        if path.exists() and not _is_page(path):
            raise AlreadyExists(f"{path} is there already and is no page of lastgood's; it was left as it is", hint="name a new file")
        replace_file(path, page.encode())
    except OSError as error:
        raise of_os_error(error, f"{path} cannot be written") from error


def _is_page(path: Path) -> bool:
    beginning = _BEGINNING.encode()
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(beginning)) == beginning
