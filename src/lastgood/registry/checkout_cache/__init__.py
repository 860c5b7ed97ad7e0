"""The checkout cache: whole files of releases on this host, so that a checkout need not decode them again.

    seal.py      what shows, without reading it, that nobody wrote to a file since it was found right
    room.py      how much there may be, and what goes first
    entry.py     a file that is there: is it right, and how it is given
    filling.py   a file that comes in, beside the checkout that writes it
    cache.py     all of it together, as a checkout uses it

Rules: nothing of it is needed. What is missing, damaged, foreign or cannot be read costs a checkout nothing but the time of
decoding the file; what cannot be written is not kept. Nothing of it is trusted: before a file is given it was proven to
have its digest, and nobody wrote to it since. Nothing in its place is followed: links, FIFOs and folders are no files.
"""
