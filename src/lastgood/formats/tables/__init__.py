r"""Tables: JSONL, CSV, TSV and Parquet, read row by row, whatever they say, within bounds.

    naming        `table_format`: what a file's name says it is
    rows          `Row`, `read_rows`, and the bounds that hold for every format
    lines         lines of a text, none of them too long
    json_lines    one JSON object a line
    separated     CSV and TSV: which delimiter, a header, quoted cells
    parquet       Parquet, by the engine
    engine        DuckDB, locked up in a private folder: it reads what was put there and nothing else
    private_folder  where it may read and write; gone afterwards
    keys          what a row is known by

Rules: a file that is not what its name says is `Invalid`, with the line where that is known; rows are given one after
the other, so a table of any size is read in bounded memory.

    >>> import io
    >>> [(row.line, row.cells) for row in read_rows(io.BytesIO(b'id,label\n7,spam\n'), TableFormat.CSV, "train.csv")]
    [(2, {'id': '7', 'label': 'spam'})]
"""

from lastgood.formats.tables.keys import key_columns, key_of
from lastgood.formats.tables.naming import TableFormat, table_format
from lastgood.formats.tables.rows import Row, read_rows

__all__ = ["Row", "TableFormat", "key_columns", "key_of", "read_rows", "table_format"]
