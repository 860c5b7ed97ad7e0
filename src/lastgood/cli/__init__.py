"""The command line: one file a command, and the only floor that reads the environment, the terminal and the clock.

Rules: data on stdout, everything for the eye on stderr; `--json` prints one object with a `schema` field; a command is
imported when it is called, so that `lastgood --version` answers at once.
"""
