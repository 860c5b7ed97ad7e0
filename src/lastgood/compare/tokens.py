"""Counting tokens: what a comparison of prompts asks of a tokenizer, which somebody above gives it or does not.

class Words:
    def count(self, text: str) -> int:
        return len(text.split())
"""

from __future__ import annotations

from typing import Protocol


class TokenCounter(Protocol):
    """Counts the tokens of a text, as one model reads it."""

    def count(self, text: str) -> int:
        """Return how many tokens a text has."""
        ...
