"""Live folders: a folder of this host that always holds what an environment is on.

    DIR/current                     a relative link to releases/<64 hex>, switched in one step
    DIR/canary                      the same for the canary; there only while one runs
    DIR/releases/<64 hex>/          the files of one release, complete from the moment the name exists
    DIR/.lastgood-live/             our own: the lock, which environment DIR follows, seals, what is being written

A service reads `DIR/current/prompts/system.md`; `deploy` and `rollback` change what that is. Where the folder lies is a
matter of the host (`places`), never of the registry; `environments` puts it around any registry's environments.

What a reader is promised: each `open` of a path below `current` gives a whole file of the release that was current at
that moment or, while a switch happens, of the one before or after it. The folder that a switch leaves stays at least
until the next switch, and those of the top and of `@good` stay for longer. So a path can lead nowhere only if two moves
happen while the kernel walks that one path. Whoever needs several files of *one* release resolves `current` once and
reads below what it led to; that is theirs until the second move from then.
"""
