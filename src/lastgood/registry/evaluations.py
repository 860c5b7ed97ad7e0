"""Evaluations: what suites say of releases, recorded with the results of every case.

Rules: an evaluation is bound to the behavior it judged, to the suite's content and to that of the data it ran on. The
results are kept as a file of the store, byte for byte, before the one transaction that records them; what is not right in
them is refused before anything is written.

    evaluations = Evaluations(context, files)
    evaluations.record(lines, evaluations.suite("r42", "quality"), {"how": "import"})
    evaluations.compare("r41", "r42")[0].compared.metrics
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lastgood._version import __version__
from lastgood.canonical import Json
from lastgood.catalog import evaluations, placement, releases
from lastgood.compare.evaluations import ResultsComparison, compare_results
from lastgood.errors import CollectedMeanwhile, Integrity, Invalid, NotFound, of_os_error
from lastgood.ids import ComponentName, ContentDigest, FileDigest
from lastgood.model.changes.evaluations import EvaluationRecorded
from lastgood.model.component import Component, EvalContent
from lastgood.model.evaluation import LARGEST_RESULTS, Evaluation, Results, read_results
from lastgood.model.history import ReleaseRecord
from lastgood.model.release import Manifest
from lastgood.registry.checkout import FileCache, FileStreams
from lastgood.registry.context import Context
from lastgood.registry.gates import on_content
from lastgood.registry.intake import DeferredIntake
from lastgood.registry.publish import add_packs, keep_files_alive
from lastgood.registry.resolve import resolve

if TYPE_CHECKING:
    from lastgood.registry.evaluate import RunOptions

TRIES = 3


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite, and the release that it is to judge.

    Attributes:
        release: what is judged.
        source: the release that the suite and its data are from; most often the same.
        name: the suite's component.
        content: what the suite is.
        on: the content of the data it runs on, or None where it names none.
        declared: the command and the name of the data.
    """

    release: ReleaseRecord
    source: ReleaseRecord
    name: ComponentName
    content: ContentDigest
    on: ContentDigest | None
    declared: EvalContent


@dataclass(frozen=True, slots=True)
class SuiteComparison:
    """Two releases compared by one suite; `same_suite` is false where it, or its data, differed between the two."""

    before: Evaluation
    after: Evaluation
    same_suite: bool
    compared: ResultsComparison


class Evaluations:
    """The evaluations of an embedded registry.

    Args:
        context: the registry.
        files: its bytes.
        cache: whole files of this host, from which releases are checked out.
    """

    def __init__(self, context: Context, files: FileStreams, cache: FileCache | None = None) -> None:
        self._context = context
        self._files = files
        self._cache = cache

    def suite(self, revision: str, suite: str | None = None, suite_from: str | None = None) -> Suite:
        """Return the suite of a release, or that of another one, which is to judge it.

        Args:
            revision: the release to judge.
            suite: the name of the suite; by default the only one there is.
            suite_from: the release whose suite and data are taken.

        Raises:
            NotFound: there is no such suite.
            Invalid: there are several and none was named, or the releases are of two pipelines.
        """
        release = resolve(self._context, revision).release
        source = release if suite_from is None else resolve(self._context, suite_from, release.pipeline).release
        if source.pipeline != release.pipeline:
            raise Invalid(f"{source.label} is a release of {source.pipeline}, not of {release.pipeline}")
        manifest = self.manifest(source)
        name, content = _named_suite(source, manifest, None if suite is None else ComponentName.parse(suite))
        return Suite(release, source, name, manifest.components[name].digest, on_content(manifest, content), content)

    def manifest(self, release: ReleaseRecord) -> Manifest:
        """Return the manifest of a release."""
        with self._context.database.reading() as session:
            return releases.release_manifest(session, release.release)

    def component(self, revision: str, name: ComponentName) -> Component | None:
        """Return a component of a release, None where the release or the component is not there."""
        try:
            return self.manifest(resolve(self._context, revision).release).components.get(name)
        except NotFound:
            return None

    def record(self, data: bytes, suite: Suite, runner: Mapping[str, Json]) -> Evaluation:
        """Record the results of a suite.

        Args:
            data: one JSON line a case, see `model.evaluation`.
            suite: which suite judged which release.
            runner: how the results came to be.

        Raises:
            Invalid: a line is not right; nothing was recorded.
            CollectedMeanwhile: the collector was quicker, three times in a row.
        """
        try:
            results = read_results(data)
        except Invalid as error:
            raise Invalid(f"the results of {suite.name} are not right; nothing was recorded: {error.message}") from error
        for _ in range(TRIES - 1):
            try:
                return self._record(data, results, suite, runner)
            except CollectedMeanwhile:
                continue
        return self._record(data, results, suite, runner)

    def import_file(self, path: Path, suite: Suite) -> Evaluation:
        """Record results that were made elsewhere.

        Raises:
            Invalid: the file is no plain file, too large, or not right in a line.
            NotFound, NotAllowed: it cannot be read.
        """
        return self.record(read_plain_file(path), suite, {"how": "import", "lastgood": __version__})

    def run(self, suite: Suite, options: RunOptions) -> Evaluation:
        """Run a suite on a release and record what it says; see `registry.evaluate`.

        Raises:
            CommandFailed: its command fails, hangs or writes nothing; nothing was recorded.
            Invalid: the suite declares no command, or what it wrote is not right.
        """
        from lastgood.registry.evaluate import run_suite  # noqa: PLC0415 - starts programs, which little else does

        data, runner = run_suite(self._files, suite, (self.manifest(suite.release), self.manifest(suite.source)), options, self._cache)
        return self.record(data, suite, runner)

    def list(self, revision: str) -> list[Evaluation]:
        """Return the evaluations of what a release does, newest first; releases that behave alike share them."""
        release = resolve(self._context, revision).release
        with self._context.database.reading() as session:
            return evaluations.evaluations_of(session, release.pipeline, release.behavior)

    def results(self, evaluation: Evaluation) -> Results:
        """Return the results of every case.

        Raises:
            Integrity: they are not kept, or are not what was recorded.
        """
        try:
            return read_results(self._files.read_file(evaluation.results, limit=LARGEST_RESULTS))
        except (NotFound, Invalid) as error:
            details = {"file": str(evaluation.results)}
            raise Integrity(
                f"the results of {evaluation.suite} on r{evaluation.number} cannot be read: {error}", details=details
            ) from error

    def compare(self, before: str, after: str, suite: str | None = None, confidence: float = 0.95) -> Sequence[SuiteComparison]:
        """Compare two releases by the suites that judged both, or by one of them.

        Raises:
            NotFound: no suite, or not the one that is asked for, judged both.
        """
        old, new = self.list(before), self.list(after)
        common = {one.suite for one in old} & {one.suite for one in new}
        wanted = sorted(common) if suite is None else [ComponentName.parse(suite)]
        if not wanted or not common.issuperset(wanted):
            which = "no suite" if suite is None else suite
            said = f"{which} has judged both" if suite is None else f"{which} has not judged both"
            raise NotFound(f"{said}, {before} and {after}", hint=f"lastgood eval run {before} --suite-from {after}")
        return [self._compare(*pair_of(old, new, name), confidence) for name in wanted]

    def _compare(self, before: Evaluation, after: Evaluation, confidence: float) -> SuiteComparison:
        same = (before.suite_content, before.on) == (after.suite_content, after.on)
        return SuiteComparison(before, after, same, compare_results(self.results(before), self.results(after), confidence))

    def _record(self, data: bytes, results: Results, suite: Suite, runner: Mapping[str, Json]) -> Evaluation:
        digest = FileDigest.of(data)
        with DeferredIntake(self._context) as intake:
            if digest not in intake.has_files([digest]):
                intake.receive(io.BytesIO(data), len(data))
            staged = intake.finish()
            with self._context.changing(self._context.operation(None)) as (session, ledger):
                # As a commit does: the bytes are durable in packs, and one transaction makes them part of history.
                add_packs(self._context, session, staged.packs)
                if staged.generation not in {None, placement.current_generation(session)}:
                    keep_files_alive(self._context, session, [digest])
                event = ledger.append(
                    EvaluationRecorded(
                        pipeline=suite.release.pipeline,
                        release=suite.release.release,
                        behavior=suite.release.behavior,
                        suite=suite.name,
                        suite_content=suite.content,
                        on=suite.on,
                        results=digest,
                        cases=len(results.cases),
                        metrics=dict(results.metrics),
                        runner=dict(runner),
                    )
                )
                return evaluations.evaluation_at(session, event.sequence)


def read_plain_file(path: Path) -> bytes:
    """Read results from a file that somebody names, which may be anything.

    Raises:
        Invalid: it is no plain file, or too large.
        NotFound, NotAllowed, Unavailable: it cannot be read.
    """
    try:
        # Not blocking: a FIFO that nobody writes to would never open.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Invalid(f"{path} is no plain file; nothing was recorded")
            data = file.read(LARGEST_RESULTS + 1)
    except IsADirectoryError as error:
        raise Invalid(f"{path} is a folder; nothing was recorded") from error
    except OSError as error:
        raise of_os_error(error, f"{path} cannot be read") from error
    if len(data) > LARGEST_RESULTS:
        raise Invalid(f"{path} has more than {LARGEST_RESULTS:,} bytes; nothing was recorded")
    return data


def _named_suite(release: ReleaseRecord, manifest: Manifest, name: ComponentName | None) -> tuple[ComponentName, EvalContent]:
    suites = {one.name: one.content for one in manifest.components.values() if isinstance(one.content, EvalContent)}
    known = ", ".join(suites) or "none"
    if name is None and len(suites) > 1:
        raise Invalid(f"{release.label} has several suites: {known}; say which", hint=f"--suite {next(iter(suites))}")
    chosen = next(iter(suites), None) if name is None else name
    if chosen is None or chosen not in suites:
        what = f"no suite {name}" if name is not None else "no suite"
        hint = "--suite-from a release that has it, or declare one in lastgood.toml and commit"
        raise NotFound(f"{release.label} has {what}; it has {known}", hint=hint)
    return chosen, suites[chosen]


def pair_of(old: Sequence[Evaluation], new: Sequence[Evaluation], suite: ComponentName) -> tuple[Evaluation, Evaluation]:
    """Return the newest evaluations of a suite that can be compared: of one content and one data, if there are such."""
    before = [one for one in old if one.suite == suite]
    after = [one for one in new if one.suite == suite]
    for one in after:
        for other in before:
            if (other.suite_content, other.on) == (one.suite_content, one.on):
                return other, one
    return before[0], after[0]
