"""What comparisons are told from the command line: which changes come first, and who counts tokens.

with session.registry() as registry:
    registry.diff("r1", "r2", ranks=ranks_of(session), tokens=token_counter(session, "tokenizer.json"))
"""

from __future__ import annotations

from pathlib import Path

from lastgood.cli.session import Session
from lastgood.compare.ranking import DEFAULT_RANKS, Ranks
from lastgood.compare.tokens import TokenCounter
from lastgood.errors import InvalidWorkspace
from lastgood.registry.checkout import WORKSPACE_FILE


def ranks_of(session: Session) -> Ranks:
    """Return what the nearest lastgood.toml says of ranks; one that is not right only takes what it says from the order."""
    root = session.workspace_root()
    # Reading the whole file costs more than most comparisons: only where it can say something of it.
    if root is None or b"diff" not in _bytes_of(root / WORKSPACE_FILE):
        return DEFAULT_RANKS
    try:
        return Ranks.overridden(session.require_workspace().ranks)
    except InvalidWorkspace as error:
        session.output.warn(f"{error.message}\nso changes stand in their usual order")
        return DEFAULT_RANKS


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def token_counter(session: Session, file: str | None) -> TokenCounter | None:
    """Read the tokenizer that a person named, if they named one.

    Raises:
        Invalid, NotFound, NotAllowed: it cannot be read as one.
    """
    if file is None:
        return None
    from lastgood.formats.tokenizers import LARGEST_TOKENIZER, read_tokenizer  # noqa: PLC0415

    return read_tokenizer(file, session.read_small(Path(file), limit=LARGEST_TOKENIZER))
