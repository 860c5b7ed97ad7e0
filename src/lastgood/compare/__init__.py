"""What exactly changed: two sides of a component in, one typed change out, in that kind's own terms.

    components      the door: `compare_component`, and which comparer each kind has
    comparer        what a comparer is given and answers; reading changed files within bounds
    filesets        the comparer of kinds that have no words of their own
    prompts         the comparer of prompts       text, text_phrases   lines, then words, and how they are said
    configs         the comparer of configs       structured           trees by dotted key
    tables          the comparer of datasets
    files           two listings
    change          the results, shared by all           showing              how they are drawn, on whatever
    ranking         which change is shown first, and why
    alignment       where two sequences differ, in bounded time
    wording         values and texts on one line, safe for a terminal

Nothing here reads a file by itself or imports another package of its floor: bytes come through `FileAccess`.
"""
