r"""The lines of a text in UTF-8, none of them too long and none with a NUL.

>>> import io
>>> list(read_lines(io.BytesIO(b"\xef\xbb\xbfone\r\ntwo")))
[(1, 'one\r\n'), (2, 'two')]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from lastgood.formats.tables.rows import LONGEST_LINE
from lastgood.formats.tree import Malformed

_MARK = b"\xef\xbb\xbf"


def read_lines(file: BinaryIO) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, its end included; a byte order mark at the very start is left out.

    Raises:
        Malformed: a line is too long, is not UTF-8 or holds a NUL.
    """
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise Malformed(f"a line is longer than {LONGEST_LINE:,} bytes", number)
        if number == 1:
            line = line.removeprefix(_MARK)
        if b"\0" in line:
            raise Malformed("it holds a NUL byte, so it is no text", number)
        try:
            yield number, line.decode()
        except UnicodeDecodeError as error:
            raise Malformed("it is not UTF-8", number) from error
