"""Judges the desk: every row of data/holdout.jsonl goes through the same door as in production.

Run in a folder with the files of a release, `python evals/quality/run.py`. Writes one JSON line per case to the file
named by LASTGOOD_OUT: 1.0 for the right shelf, 0.0 for a wrong one or for a question that was handed over.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Ask every question, compare, write, and say how it went."""
    questions = Path("data/holdout.jsonl").read_text("utf-8")
    asked = subprocess.run([sys.executable, "-m", "desk.service", "."], input=questions, stdout=subprocess.PIPE, text=True, check=True)
    rows = [json.loads(line) for line in questions.splitlines()]
    answers = [json.loads(line) for line in asked.stdout.splitlines()]
    cases = []
    for row, answer in zip(rows, answers, strict=True):
        passed = answer["shelf"] == row["shelf"]
        cases.append({"case": row["id"], "score": float(passed), "passed": passed, "output": answer["shelf"]})
    Path(os.environ["LASTGOOD_OUT"]).write_text("".join(json.dumps(case) + "\n" for case in cases), "utf-8")
    right = sum(case["passed"] for case in cases)
    print(f"{right} of {len(cases)} right: {right / len(cases):.1%}")


if __name__ == "__main__":
    main()
