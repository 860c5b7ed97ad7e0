"""lastgood, and the programs that a user would pick instead.

base        what a peer is
ours        lastgood
backups     restic, borg
git         Git LFS, Git, DVC
by_python   hf_xet, ZipNN, cp
scripts     what drives the libraries that have no program
"""

from __future__ import annotations

from tools.bench.peers.backups import Borg, Restic
from tools.bench.peers.base import Peer
from tools.bench.peers.by_python import Copy, Xet, ZipNN
from tools.bench.peers.git import Dvc, Git, GitLfs
from tools.bench.peers.ours import Ours


def all_peers() -> list[Peer]:
    """Name every peer, lastgood first."""
    return [Ours(), Restic(), Borg("zstd"), Borg("lz4"), GitLfs(), Git(), Dvc(), Xet(), ZipNN(), Copy()]
