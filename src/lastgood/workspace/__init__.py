"""The workspace: a folder with a `lastgood.toml`, in which people work.

It reads the files that a commit needs and knows which of them changed; what becomes of them is decided above.

    declaration   what a workspace file says, as values; `file` reads it (`document`, `tables`, `positions` below it)
    walk          the files of a component, judged before they are read; `ignore` leaves out, `opening` names what fails
    statcache     which files need not be read again
    reading       reads the others, and notices when one changes meanwhile; `credentials` refuses what is secret
    prepare       puts these together: a workspace as it is on disk, ready to be published
    local         what the workspace remembers: the release it is based on
    detect        looks at a folder for a first workspace file; `starter` writes it
    observe       facts about the host, for provenance
"""
