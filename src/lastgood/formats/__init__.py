"""The structure of files, read without executing, importing or templating anything in them.

    configs       YAML, JSON, TOML, .env and INI files, each into a tree: `read_config`
    tree          the tree, its bounds, and what is kept as it is written
    yaml_tree     YAML from its parser's events
    key_values    .env and INI

Every reader is bounded in size, depth and number of values, and refuses by name what it cannot read.
"""
