"""A page as PDF, drawn from the same HTML by a kept library, WeasyPrint, which the extra `pdf` brings.

Rules: nothing is fetched, whatever a page says; the same page gives the same bytes where the same fonts are; what does not fit one sheet
is drawn a little smaller, since wide fonts may be all that there is; a PDF that was written earlier is replaced, all of it or nothing,
and no other file ever is.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from lastgood.errors import AlreadyExists, Invalid, Unavailable, of_os_error
from lastgood.workspace.durable import replace_file

_BEGINNING = b"%PDF-"
_OURS = b"/Creator (lastgood)"
_COLOUR = re.compile(r'="var\(--(ink|quiet|line|accent|old|new|shade)\)"')
_PRINTED = {
    "ink": "#000",
    "quiet": "#666",
    "line": "#bbb",
    "accent": "#1f4e8c",
    "old": "#b3261e",
    "new": "#146c2e",
    "shade": "#f5f7fa",
}
"""The colours of drawings on paper: WeasyPrint looks up no variable in an attribute of SVG, and would draw all of it black."""

_SMALLER = ("html { font-size: 7.5pt !important }", "html { font-size: 7pt !important }")
_AROUND = "--html FILE makes the page, which a browser prints as PDF"


def write_pdf(path: Path, page: str) -> None:
    """Write a page as PDF.

    Raises:
        Unavailable: the library, or what it needs from the system, is not installed.
        AlreadyExists: there is something else of that name.
        NotFound, NotAllowed, ReadOnly, StorageFull: it cannot be written.
    """
    try:
        if path.is_dir():
            raise Invalid(f"{path} is a folder; name a file for the PDF")
        if path.exists() and not _is_ours(path):
            raise AlreadyExists(f"{path} is there already and is no PDF of lastgood's; it was left as it is", hint="name a new file")
        replace_file(path, draw_pdf(page))
    except OSError as error:
        raise of_os_error(error, f"{path} cannot be written") from error


def draw_pdf(page: str) -> bytes:
    """Return a page as PDF.

    Raises:
        Unavailable: as `write_pdf`.
    """
    try:
        from weasyprint import CSS, HTML  # noqa: PLC0415 - half a second, and an extra
        from weasyprint.urls import URLFetcher  # noqa: PLC0415
    except ImportError as error:
        raise Unavailable(
            "a PDF is drawn by WeasyPrint, which is not installed", hint=f"pip install 'lastgood[pdf]'; or {_AROUND}"
        ) from error
    except OSError as error:
        raise Unavailable(f"WeasyPrint lacks a part of the system, Pango most likely: {error}", hint=_AROUND) from error
    name = hashlib.sha256(page.encode()).digest()[:16]
    read = HTML(string=_COLOUR.sub(lambda found: f'="{_PRINTED[found[1]]}"', page), url_fetcher=URLFetcher(allowed_protocols=()))
    document = read.render()
    for style in _SMALLER:
        if len(document.pages) > 1:
            document = read.render(stylesheets=[CSS(string=style)])
    # Of a version that does not hide the name of who made it from `_is_ours`.
    drawn: bytes = document.write_pdf(pdf_identifier=name, pdf_version="1.4")
    return drawn


def _is_ours(path: Path) -> bool:
    if not path.is_file():
        return False
    data = path.read_bytes()
    return data.startswith(_BEGINNING) and _OURS in data
