"""The structure of files, read without executing, importing or templating anything in them.

    configs       YAML, JSON, TOML, .env and INI files, each into a tree: `read_config`
    tree          the tree, its bounds, and what is kept as it is written
    yaml_tree     YAML from its parser's events
    key_values    .env and INI
    tables        rows of JSONL, CSV and Parquet: `read_rows`
    locks         lock files of Python, conda and Node, and the images of Dockerfiles: `read_lock`
    cases         files of cases of an evaluation suite: `read_cases`
    tensors       where the tensors of a file lie: `read_tensors`

Every reader is bounded in size, depth and number of values. A reader of configs refuses by name what it cannot read; that of
tensors says it, since a file that it cannot read is kept all the same.
"""
