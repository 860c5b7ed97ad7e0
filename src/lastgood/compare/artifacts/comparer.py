"""The comparer of artifacts: weights, checkpoints, adapters, tokenizers, and the configs and texts beside them.

Rules: a file goes to what can compare it, by its name where that says that it is a config, a tokenizer or a text, else by
its bytes. What weighs most comes first: tensors, then what GGUF says of the model, adapters, tokenizers, configs, texts,
whole files. What acts on no answer (a licence, a readme, what training left in a header, how tensors are laid out) comes
last, and is all that a cosmetic change has.

    old, new = ComponentSide(Kind.ARTIFACT, …), ComponentSide(Kind.ARTIFACT, …)
    ArtifactComparer().compare(old, new, registry.files).phrases
    ['only layers 4 and 5 changed (relative L2 0.012 and 0.009)']
"""

from __future__ import annotations

from lastgood.compare.alignment import Effort
from lastgood.compare.artifacts.beside import Beside
from lastgood.compare.artifacts.headers import compare_headers
from lastgood.compare.artifacts.phrases import say_layout, say_tensors
from lastgood.compare.artifacts.reading import Sources
from lastgood.compare.artifacts.roles import Role, expected_format, role_of
from lastgood.compare.artifacts.sides import LaidOut, format_name, lay_out
from lastgood.compare.artifacts.tensors import TensorFindings, compare_tensors
from lastgood.compare.change import Detail, Edit, FileChange, KeyChange
from lastgood.compare.comparer import ComponentSide, Findings, Unread
from lastgood.compare.files import common_folder, compare_files
from lastgood.compare.key_phrases import say_key
from lastgood.errors import Gone, NotFound
from lastgood.model.listing import FileEntry
from lastgood.model.placement import FileAccess

MOST_FILES = 10_000
"""How many files of a component are asked for tensors; the others are compared by their digests."""

MOST_TENSORS = 200_000
"""How many tensors of a side are compared; the largest models have about as many."""


class ArtifactComparer:
    """Compares artifacts by their tensors, and by what lies beside these."""

    def compare(self, old: ComponentSide, new: ComponentSide, files: FileAccess) -> Findings:
        """Say which layers changed, and how far, and what else did."""
        effort = Effort()
        with Sources(files) as sources:
            weights = _Weights(sources)
            beside = Beside(files, effort)
            for change in compare_files(old.entries, new.entries):
                if change.change in {Edit.RENAMED, Edit.MODE_CHANGED}:
                    beside.keep(change)
                elif role_of(change.path) is not Role.TENSORS:
                    beside.take(change)
                elif (why := weights.take(change)) is not None:
                    beside.take_unread(change, why)
                else:
                    beside.keep_told(change)
            found = compare_tensors(weights.old, weights.new, sources) if weights.old or weights.new else None
            headers = compare_headers(weights.old, weights.new, sources, effort)
        return _put_together(found, headers, beside, common_folder(old.entries, new.entries))


def _put_together(found: TensorFindings | None, headers: tuple[list[KeyChange], list[KeyChange]], beside: Beside, folder: str) -> Findings:
    acting, others = headers
    said = say_tensors(found) if found is not None else []
    phrases = [*said, *map(say_key, acting), *beside.phrases(folder)]
    details: list[Detail] = [*(found.details() if found is not None else []), *acting, *beside.details()]
    if found is not None and not said and not acting:
        phrases.append("same tensors, only metadata changed" if others else say_layout(found))
    phrases += [*map(say_key, others), *beside.trivial_phrases(folder)]
    details += [*others, *beside.trivial_details()]
    cosmetic = not said and not acting and beside.cosmetic
    return Findings(phrases, tuple(details), cosmetic=cosmetic)


class _Weights:
    """The files of both sides that have tensors."""

    def __init__(self, sources: Sources) -> None:
        self.old: list[LaidOut] = []
        self.new: list[LaidOut] = []
        self._sources = sources
        self._files = 0
        self._tensors = 0

    def take(self, change: FileChange) -> Unread | None:
        """Take a file that differs; return why it cannot be compared by its tensors."""
        self._files += 1
        if self._files > MOST_FILES:
            return Unread(f"it is one of more than {MOST_FILES:,} files that differ")
        found: list[LaidOut | None] = []
        for entry, side in ((change.old, "old"), (change.new, "new")):
            file = self._lay_out(entry, side)
            if isinstance(file, Unread):
                return file
            found.append(file)
        old, new = found
        why = _why_not(old, new)
        if why is not None:
            return Unread(why)
        self._tensors += sum(len(file.tensors) for file in found if file is not None)
        if self._tensors > 2 * MOST_TENSORS:
            return Unread(f"more than {MOST_TENSORS:,} tensors differ")
        self.old += [old] if old is not None else []
        self.new += [new] if new is not None else []
        return None

    def _lay_out(self, entry: FileEntry | None, side: str) -> LaidOut | Unread | None:
        if entry is None:
            return None
        try:
            return lay_out(entry, self._sources)
        except Gone:
            return Unread(f"its {side} bytes were removed by policy")
        except NotFound:
            return Unread(f"its {side} bytes are not kept here")


def _why_not(old: LaidOut | None, new: LaidOut | None) -> str | None:
    """Say why a file is not compared by its tensors; empty where nobody would expect any."""
    for file, side in ((old, "old"), (new, "new")):
        if file is not None and file.problem is not None:
            return f"its {side} bytes begin like {format_name(file.form or '')} and cannot be laid out as such ({file.problem})"
    known = [file for file in (old, new) if file is not None]
    if all(file.form is not None for file in known):
        return None
    strange = next(side for file, side in ((old, "old"), (new, "new")) if file is not None and file.form is None)
    expected = expected_format(known[-1].entry.path)
    if any(file.form is not None for file in known) or expected:
        return f"its {strange} bytes are not those of {expected or 'a file with tensors'}"
    return ""
