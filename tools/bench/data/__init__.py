"""The bytes that are measured, made here: the same ones on every run of one machine.

    text          sentences and source files out of the Python that is installed
    wordpiece     the tokens of the model's own vocabulary
    minilm        the model's forward pass, on its real weights
    finetune      AdamW on pairs of sentences, and the checkpoints it leaves
    weights       safetensors files, written as the original is
    checkpoints   the series of checkpoints, each a folder of versions
    rows          a JSONL of 200 MB, and its Parquet, edited twice
    sources       20,000 small files of source text, edited twice

A series is a folder with one folder a version, `v01`, `v02`, …, and the same names in each. Only `minilm`, `finetune`,
`weights` and `checkpoints` need torch, and only `rows` needs pyarrow, for its Parquet: they are imported late.
"""
