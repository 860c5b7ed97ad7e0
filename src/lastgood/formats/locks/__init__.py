"""Lock files, read without resolving, building or running anything: which packages, in which versions, of which bytes.

    reading         which format a file has by its name, and `read_lock`, the one door
    lock            `Lock`, `Package`, and how names are written (PEP 503)
    versions        which of two versions is later, and by how much (PEP 440, as far as two versions need it)
    requirements    requirements.txt, and the explicit lists of conda
    tables          uv.lock, poetry.lock, pdm.lock, pylock.toml (PEP 751), Pipfile.lock, package-lock.json, conda-lock
    images          the FROM lines of a Dockerfile

Every reader is bounded by the readers of TOML, JSON and YAML that it stands on; what it cannot read is refused by name.
"""
