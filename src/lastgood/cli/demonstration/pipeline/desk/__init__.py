"""The reference desk: says on which shelf of the standard library a line of documentation belongs.

A word has a vector, learned by `train` from data/train.jsonl. A question is the sum of the vectors of its words, and so
is a shelf: of the words with which prompts/router.md describes it. The shelf nearest to the question is the answer,
unless the desk is less sure than config/routing.yaml wants. So the prompt is not decoration: what it says about a shelf
is all that the desk knows of it.
"""

import os

# The matrices are small, so more threads would only wait for one another; and with one, sums are added up in one order.
for _library in ("OMP", "OPENBLAS"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
