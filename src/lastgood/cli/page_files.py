"""Writes a page where it was asked for: as HTML, as PDF, or both.

page_files(session, lambda: case_page(case), html=Path("case.html"), pdf=None)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lastgood.cli.session import Session


def page_files(session: Session, make: Callable[[], str], *, html: Path | None, pdf: Path | None) -> None:
    """Write a page; nothing is made of it where nobody asked.

    Args:
        session: the command's.
        make: makes the page.
        html: where it goes.
        pdf: where it goes as PDF.

    Raises:
        AlreadyExists: there is something else of that name.
        Unavailable: what draws a PDF is not installed.
        NotFound, NotAllowed, ReadOnly, StorageFull: it cannot be written.
    """
    if html is None and pdf is None:
        return
    made = make()
    if html is not None:
        from lastgood.pages.page import write_page  # noqa: PLC0415 - seldom asked for

        write_page(session.folder / html, made)
        session.output.note(f"{html} has it as a page")
    if pdf is not None:
        from lastgood.pages.pdf import write_pdf  # noqa: PLC0415 - heavy

        write_pdf(session.folder / pdf, made)
        session.output.note(f"{pdf} has it as a page of PDF")
