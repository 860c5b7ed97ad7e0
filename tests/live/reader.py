"""A service that reads its prompt in a loop: `python -m tests.live.reader FILE`, until its standard input ends.

It prints how often it read each text, as JSON; what could not be opened counts as the name of the error.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter


def main(path: str) -> None:
    is_over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        is_over.set()

    threading.Thread(target=wait, daemon=True).start()
    seen: Counter[str] = Counter()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not is_over.is_set():
        try:
            with open(path) as file:
                seen[file.read()] += 1
        except OSError as error:
            seen[type(error).__name__] += 1
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1])
