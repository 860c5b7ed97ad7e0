"""Upload a folder with hf_xet into a folder, or bring it back: `xet.py commit|restore FOLDER STORE VERSION`.

Run by the Python of the bench's environment. What the Hub keeps in Git, the hash of every file, is a JSON file a version.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import hf_xet


def commit(folder: Path, store: Path, version: str) -> None:
    """Upload every file in one go, as a push of a whole folder does."""
    group = hf_xet.XetSession().new_upload_commit(endpoint=f"local://{(store / 'cas').absolute()}")
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    # With sha256, as the Hub's own client: it is the id of the file there.
    handles = [(path, group.start_upload_file(str(path), sha256=hf_xet.COMPUTE_SHA256)) for path in paths]
    group.wait_to_finish()
    infos = {str(path.relative_to(folder)): handle.result().xet_info for path, handle in handles}
    lines = {name: [info.hash, info.file_size, info.sha256] for name, info in infos.items()}
    (store / f"{version}.json").write_text(json.dumps(lines))


def restore(folder: Path, store: Path, version: str) -> None:
    """Download every file in one go."""
    lines = json.loads((store / f"{version}.json").read_text())
    group = hf_xet.XetSession().new_file_download_group(endpoint=f"local://{(store / 'cas').absolute()}")
    for name, (digest, size, _) in lines.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        group.start_download_file(hf_xet.XetFileInfo(digest, size), str(target))
    group.wait_to_finish()


if __name__ == "__main__":
    {"commit": commit, "restore": restore}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
