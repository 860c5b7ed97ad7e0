"""Gates: what an environment asks of a release before it moves to it, one module a kind.

A gate is a value that judges evidence at a time and returns a `GateVerdict` that explains itself; nothing here does I/O.
Evidence that is missing refuses. `policy` reads them from what was recorded; `evidence` is what they are judged by.
"""
