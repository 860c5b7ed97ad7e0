"""The ledger's signatures: who vouches for which history, in a form that others can check without lastgood.

    notes        signed notes (https://c2sp.org/signed-note): a text, and lines that sign it
    checkpoint   the note that names a history: its size and its Merkle root (https://c2sp.org/tlog-checkpoint)
    signer       what signs: a key in a file that only its owner reads, or a command that holds the key elsewhere

The tree itself is arithmetic, and stands in `model.merkle`; the events and its nodes are the catalog's.
"""
