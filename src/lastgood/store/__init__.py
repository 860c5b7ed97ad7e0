"""The store: bytes go in as files and come out bit for bit, or as a named error.

From the top: `objects` (the two doors: `writer`, `reader`), `packing` and `frames` (how packs are filled, and read),
`chunking` (where files are cut), `codec` (how frames are written), `pack` and `footer` (the format), `index` (rebuilding the
index from packs), `backend` (where packs are kept).

The publish order, once for all of it: pack bytes, fsync, rename, fsync folder; then *one* catalog transaction; then the
acknowledgement.
"""
