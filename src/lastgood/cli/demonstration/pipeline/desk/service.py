"""The desk at work: `python -m desk.service FOLDER` answers one JSON line on stdin with one on stdout.

FOLDER holds the files of a release. Where it is a link, as run/prod/current is, the service looks before each question
whether it leads somewhere else now: so a deployment or a rollback takes effect without a restart.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .router import Router


def main(folder: Path) -> None:
    """Answer until there are no more questions."""
    held, router = None, None
    for line in sys.stdin:
        release = folder.resolve()
        if router is None or release != held:
            held, router = release, Router(release)
        question = json.loads(line)
        answer = router.answer(question["text"])
        print(json.dumps({"id": question["id"], "shelf": answer.shelf, "confidence": round(answer.confidence, 4)}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
