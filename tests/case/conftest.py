"""The real parts that tests of pages need: a browser, a library that draws PDF, and programs that read it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.parts import need


@pytest.fixture(scope="session")
def chromium() -> Path:
    """A real browser."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    need(program, "chromium (Debian: apt-get install chromium)")
    return Path(str(program))


@pytest.fixture(scope="session")
def poppler() -> None:
    """The programs that say what is in a PDF."""
    need(shutil.which("pdfinfo") and shutil.which("pdftotext"), "pdfinfo and pdftotext (Debian: apt-get install poppler-utils)")


@pytest.fixture(scope="session")
def pango() -> None:
    """What draws a PDF."""
    try:
        import weasyprint  # noqa: F401
    except OSError as error:
        need(None, f"Pango for WeasyPrint (Debian: apt-get install libpangoft2-1.0-0 libharfbuzz-subset0): {error}")
