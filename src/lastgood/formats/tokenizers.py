"""Tokenizers, read from a `tokenizer.json` to count the tokens of texts with, as the model reads them.

Rules: the package `tokenizers` does it, where the extra `tokens` is installed; it runs nothing that stands in the file and
fetches nothing. A file that it cannot read is `Invalid`, whatever it makes of it. Special tokens that frame a whole input
are not counted: they are not the text's.

    read_tokenizer("tokenizer.json", data).count("Cite the policy.")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastgood.errors import Invalid

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LARGEST_TOKENIZER = 64 * 1024 * 1024
"""How many bytes a tokenizer file may have; those of the largest vocabularies have about half."""


class TokenizerFile:
    """A tokenizer that was read from a file."""

    def __init__(self, path: str, tokenizer: Tokenizer) -> None:
        self._path = path
        self._tokenizer = tokenizer

    def count(self, text: str) -> int:
        """Return how many tokens a text has.

        Raises:
            Invalid: the tokenizer has no token for a part of it.
        """
        try:
            return len(self._tokenizer.encode(text, add_special_tokens=False).ids)
        except Exception as error:
            raise Invalid(f"{self._path} cannot count the tokens of every text: {str(error)[:200]}") from error


def read_tokenizer(path: str, data: bytes) -> TokenizerFile:
    """Read a tokenizer file.

    Args:
        path: its name, for people.
        data: its bytes.

    Raises:
        Invalid: the package is not installed, or the file is no tokenizer that it knows.
    """
    try:
        from tokenizers import Tokenizer  # noqa: PLC0415  # only who counts tokens should wait for it
    except ImportError as error:
        raise Invalid("counting tokens needs the package tokenizers", hint="pip install 'lastgood[tokens]'") from error
    if len(data) > LARGEST_TOKENIZER:
        raise Invalid(f"{path} has more than {LARGEST_TOKENIZER:,} bytes, so it is no tokenizer")
    try:
        tokenizer = Tokenizer.from_buffer(data)
        # A length that the file asks for would make every long text as long as that.
        tokenizer.no_truncation()
        tokenizer.no_padding()
    except Exception as error:
        raise Invalid(f"{path} is no tokenizer.json: {str(error)[:200]}") from error
    except BaseException as error:
        # What the package did not expect ends in a panic, which Python sees as an error of no ordinary class.
        if type(error).__name__ != "PanicException":
            raise
        raise Invalid(f"{path} is no tokenizer.json that the package tokenizers can read") from error
    return TokenizerFile(path, tokenizer)
