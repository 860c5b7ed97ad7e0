"""The parts of `lastgood demo`: the story of a silent regression, in which everything really happens.

    docstrings   real text: the documentation of this Python's standard library, by the area it comes from
    setting      writes the pipeline into a folder
    shell        types commands, shows what they print, and takes the time of each
    desk         the service in production, running while releases come and go
    evaluation   what an eval run wrote, read back
    story        who does what, in which order; its numbers are read from what the commands wrote

    pipeline/    the files of the pipeline as they stand in the folder at first: code, prompt, config, eval, lastgood.toml
    warmer/      the two files as somebody edits them later, with the best intentions

Rule: the story decides what is done, never what comes of it. Where the regression, its repair or a command fails, the
demo fails and says so.
"""
