"""The comparer of runtimes: packages of lock files, upgraded, downgraded, added, removed, or of other bytes than before.

Rules: what is said first is what nobody asked for: the same version with other bytes. Then the packages that are known to
move answers (`WEIGHTY`), then the others, majors before minors before patches. A lock file that cannot be read is compared as
text and says so. Python, platform and container are declared fields, said before the packages. Layout, comments, the order
of packages and digests that only came beside known ones are cosmetic.

    weighty     why
    torch, tensorflow, jax, jaxlib, triton, numpy, onnxruntime, flash-attn, xformers, bitsandbytes    compute the answers
    transformers, tokenizers, sentencepiece, tiktoken, safetensors, peft, sentence-transformers       tokens, templates, loading
    vllm, llama-cpp-python, ctransformers, text-generation, sglang, ollama                            serve the weights
    openai, anthropic, google-genai, mistralai, cohere, litellm, langchain, llama-index …             defaults and retries of calls

    >>> say_package(PackageChange("torch", Became.UPGRADED, "2.3.1", "2.4.0", "minor"), Ecosystem.PYTHON)
    'torch 2.3.1 → 2.4.0 (minor)'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lastgood.canonical import JsonObject
from lastgood.compare.alignment import Effort
from lastgood.compare.change import Detail, Edit, FileChange, Note
from lastgood.compare.comparer import ChangedFiles, ComponentSide, Findings, Pair, Unread
from lastgood.compare.files import common_folder, compare_files, say_path
from lastgood.compare.prompts import SortedOut, compare_as_text
from lastgood.compare.showing import Block, Line, Table, aside, plain
from lastgood.compare.text_change import MOST_SHOWN, TextChange
from lastgood.compare.wording import count, printable, shorten
from lastgood.errors import Invalid
from lastgood.formats.locks.lock import Ecosystem, Lock, Package
from lastgood.formats.locks.reading import lock_format, read_lock
from lastgood.formats.locks.versions import order, step
from lastgood.model.placement import FileAccess

WEIGHTY = frozenset(
    (
        "torch torchvision torchaudio tensorflow jax jaxlib triton numpy scipy onnx onnxruntime onnxruntime-gpu flash-attn xformers"
        " bitsandbytes transformers tokenizers sentencepiece tiktoken safetensors peft accelerate diffusers sentence-transformers"
        " optimum auto-gptq autoawq vllm llama-cpp-python ctransformers sglang ollama text-generation openai anthropic google-genai"
        " google-generativeai mistralai cohere litellm langchain langchain-core llama-index llama-index-core dspy guidance outlines"
        " instructor scikit-learn xgboost lightgbm faiss-cpu faiss-gpu pytorch cudatoolkit pytorch-cuda python"
    ).split()
)
"""Packages that are known to move answers: what computes them, makes their tokens, serves their weights or calls for them."""

_MOST_NAMED = 4
ONLY_LAYOUT = "only comments, layout or the order of packages changed"
_STEPS = ("major", "minor", "patch", "pre-release", "build", "")


class Became(StrEnum):
    """What became of a package."""

    OTHER_BYTES = "same version, different bytes"
    UPGRADED = "upgraded"
    DOWNGRADED = "downgraded"
    CHANGED = "changed"
    SOURCE = "source changed"
    ADDED = "added"
    REMOVED = "removed"
    MARKER = "wanted elsewhere"
    FILES = "more or fewer files"


_ORDER = tuple(Became)


@dataclass(frozen=True, slots=True)
class PackageChange:
    """What became of a package; a side is None where it is not there, and empty where no version is said."""

    name: str
    became: Became
    old: str | None
    new: str | None
    step: str | None = None

    @property
    def weight(self) -> tuple[int, int, int, str]:
        """What decides the order in which changes are said, the lowest first."""
        if self.became is Became.OTHER_BYTES:
            return 0, 0, 0, self.name
        return (1 if self.name in WEIGHTY else 2), _ORDER.index(self.became), _STEPS.index(self.step or ""), self.name

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"name": self.name, "change": self.became.value, "old": self.old, "new": self.new, "step": self.step}


@dataclass(frozen=True, slots=True)
class PackageChanges:
    """What became of the packages of a lock file, those that weigh most first, and of what it says beside them."""

    path: str
    ecosystem: Ecosystem
    packages: tuple[PackageChange, ...]
    facts: tuple[tuple[str, str | None, str | None], ...]

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "type": "packages",
            "path": self.path,
            "ecosystem": self.ecosystem.value,
            "packages": [one.to_json() for one in self.packages],
            "facts": [{"name": name, "old": old, "new": new} for name, old, new in self.facts],
        }

    def shown(self, *, everything: bool = False) -> Iterator[Block]:
        """Yield what is said beside the packages, then a table of them."""
        for name, old, new in self.facts:
            yield Line((plain(f"{self.path}: {name} {old or 'not said'} → {new or 'not said'}"),))
        shown = self.packages if everything else self.packages[:MOST_SHOWN]
        if shown:
            rows = tuple((one.name, one.old or "", one.new or "", _what(one, self.ecosystem)) for one in shown)
            yield Table((self.path, "before", "after", "change"), rows, numeric=False)
        if len(shown) < len(self.packages):
            yield Line((aside(f"… and {len(self.packages) - len(shown):,} more packages; --all shows them"),))


class RuntimeComparer:
    """Compares runtimes by the packages of their lock files."""

    def compare(self, old: ComponentSide, new: ComponentSide, files: FileAccess) -> Findings:
        """Say which packages changed."""
        found = _Found(files)
        for change in compare_files(old.entries, new.entries):
            found.take(change)
        return found.findings(common_folder(old.entries, new.entries))


class _Found:
    def __init__(self, files: FileAccess) -> None:
        self._reading = ChangedFiles(files)
        self._effort = Effort()
        self._locks: list[PackageChanges] = []
        self._malformed: list[Note] = []
        self._notes: list[Note] = []
        self._others = SortedOut()

    def take(self, change: FileChange) -> None:
        if change.change is not Edit.CHANGED:
            self._others.keep(change)
            return
        pair = self._reading.read(change)
        if isinstance(pair, Unread):
            self._others.take(change, pair)
        elif lock_format(change.path) is None:
            self._others.take(change, compare_as_text(change.path, pair, self._effort))
        else:
            self._take_lock(change, pair)

    def _take_lock(self, change: FileChange, pair: Pair) -> None:
        locks: list[Lock] = []
        for side, data in (("old", pair.old), ("new", pair.new)):
            try:
                locks.append(read_lock(change.path, data))
            except Invalid as error:
                text = compare_as_text(change.path, pair, self._effort)
                self._others.take(change, text)
                if isinstance(text, TextChange):
                    why = error.message.removeprefix(f"{change.path} ")
                    self._malformed.append(Note(change.path, f"the {side} file {why}, compared as text"))
                return
        old, new = locks
        changes = PackageChanges(change.path, new.ecosystem, tuple(compare_packages(old, new)), tuple(_compare_facts(old, new)))
        if changes.packages or changes.facts:
            self._locks.append(changes)
        else:
            self._notes.append(Note(change.path, ONLY_LAYOUT))
        self._notes += [Note(change.path, note) for note in dict.fromkeys((*old.notes, *new.notes))]
        self._others.keep_mode(change)

    def findings(self, folder: str) -> Findings:
        said = list(_say_locks(self._locks))
        for lock in self._locks:
            said += [f"{name} {old or 'not said'} → {new or 'not said'}" for name, old, new in lock.facts]
        cosmetic = [note for note in self._notes if note.text == ONLY_LAYOUT]
        phrases = [
            *map(printable, said),
            *(f"{say_path(note.path, folder)}: {printable(note.text)}" for note in self._malformed),
            *self._others.text_phrases(folder),
            *self._others.file_phrases(folder),
            *(f"{say_path(note.path, folder)}: {note.text}" for note in cosmetic),
        ]
        details: tuple[Detail, ...] = (*self._locks, *self._malformed, *self._others.details(), *self._notes)
        is_layout = all(one.became is Became.FILES for lock in self._locks for one in lock.packages)
        is_layout = is_layout and not any(lock.facts for lock in self._locks)
        return Findings(phrases, details, cosmetic=is_layout and self._others.trivial, urgent=list(self._urgent()))

    def _urgent(self) -> Iterator[str]:
        for lock in self._locks:
            odd = [one for one in lock.packages if one.became is Became.OTHER_BYTES]
            if odd:
                named = ", ".join(f"{shorten(one.name)} {shorten(one.new or '')}".strip() for one in odd[:_MOST_NAMED])
                more = f" and {len(odd) - _MOST_NAMED:,} more" if len(odd) > _MOST_NAMED else ""
                yield f"{_other_bytes(lock.ecosystem)}: {named}{more}"


def compare_packages(old: Lock, new: Lock) -> list[PackageChange]:
    """Compare the packages of two lock files by their names, those that weigh most first."""
    before, after = _by_name(old), _by_name(new)
    found = [
        change for name in before.keys() | after.keys() if (change := _compare(name, before.get(name, []), after.get(name, []))) is not None
    ]
    return sorted(found, key=lambda one: one.weight)


def _by_name(lock: Lock) -> dict[str, list[Package]]:
    found: dict[str, list[Package]] = {}
    for one in lock.packages:
        found.setdefault(one.name, []).append(one)
    return found


def _compare(name: str, old: list[Package], new: list[Package]) -> PackageChange | None:
    """Compare what two files say of one package, which may stand there several times."""
    before, after = _versions(old), _versions(new)
    if not new:
        return PackageChange(name, Became.REMOVED, before, None)
    if not old:
        return PackageChange(name, Became.ADDED, None, after)
    if before != after:
        return _moved(name, before, after)
    if _sources(old) != _sources(new):
        return PackageChange(name, Became.SOURCE, f"{before} {_sources(old)}".strip(), f"{after} {_sources(new)}".strip())
    if _has_other_bytes(old, new):
        return PackageChange(name, Became.OTHER_BYTES, before, after)
    wanted = [sorted((one.version or "", one.marker or "", one.extras) for one in side) for side in (old, new)]
    if wanted[0] != wanted[1]:
        return PackageChange(name, Became.MARKER, _conditions(old), _conditions(new))
    hashes = [{said for one in side for said in one.hashes} for side in (old, new)]
    if hashes[0] != hashes[1]:
        return PackageChange(name, Became.FILES, f"{before} ({count(len(hashes[0]), 'digest')})", f"{after} ({len(hashes[1]):,})")
    return None


def _moved(name: str, old: str, new: str) -> PackageChange:
    # A range, or several versions under several conditions, is neither later nor earlier.
    verdict = None if any(text[:1] in "<>~!" or "," in text for text in (old, new)) else order(old, new)
    became = {-1: Became.UPGRADED, 1: Became.DOWNGRADED}.get(verdict or 0, Became.CHANGED)
    return PackageChange(name, became, old, new, None if became is Became.CHANGED else step(old, new))


def _versions(packages: Sequence[Package]) -> str:
    return ", ".join(sorted({one.version or "" for one in packages}))


def _sources(packages: Sequence[Package]) -> str:
    return ", ".join(sorted({one.source for one in packages if one.source}))


def _conditions(packages: Sequence[Package]) -> str:
    said = sorted({" ".join(filter(None, (f"[{','.join(one.extras)}]" if one.extras else "", one.marker))) for one in packages})
    return "; ".join(said) or "always"


def _has_other_bytes(old: Sequence[Package], new: Sequence[Package]) -> bool:
    """Whether one version has other bytes: a file of one name with another digest, or no digest that both sides have.

    More files of one version (a wheel for one more platform) are no other bytes; digests of two algorithms say nothing.
    """
    before, after = (_named_files(side) for side in (old, new))
    if any(name and before[name].isdisjoint(after[name]) for name in before.keys() & after.keys()):
        return True
    if before.keys() & after.keys() - {""}:
        return False
    known = [{said for one in side for said in one.hashes} for side in (old, new)]
    algorithms = {said.partition(":")[0] for said in known[0]} & {said.partition(":")[0] for said in known[1]}
    left, right = ({said for said in side if said.partition(":")[0] in algorithms} for side in known)
    return bool(algorithms) and left.isdisjoint(right)


def _named_files(packages: Sequence[Package]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in packages:
        for name, said in one.files:
            found.setdefault(f"{name} {said.partition(':')[0]}" if name else "", set()).add(said)
    return found


def _compare_facts(old: Lock, new: Lock) -> Iterator[tuple[str, str | None, str | None]]:
    names = dict.fromkeys(name for name, _ in (*old.facts, *new.facts))
    for name in names:
        before, after = (", ".join(said for one, said in lock.facts if one == name) or None for lock in (old, new))
        if before != after:
            yield name, before, after


def _say_locks(locks: Sequence[PackageChanges]) -> Iterator[str]:
    for lock in locks:
        said = [one for one in lock.packages if one.became is not Became.OTHER_BYTES]
        weighty = [one for one in said if one.name in WEIGHTY]
        rest = [one for one in said if one.name not in WEIGHTY]
        yield from (say_package(one, lock.ecosystem) for one in weighty)
        if len(rest) <= _MOST_NAMED:
            yield from (say_package(one, lock.ecosystem) for one in rest)
        else:
            yield _say_many(rest, others=bool(weighty))


def _say_many(changes: Sequence[PackageChange], *, others: bool) -> str:
    numbers = Counter(one.became for one in changes)
    majors = sum(one.step == "major" for one in changes if one.became is Became.UPGRADED)
    said = []
    for became in _ORDER:
        if numbers[became]:
            more = f" ({majors:,} major)" if became is Became.UPGRADED and majors else ""
            said.append(f"{numbers[became]:,} {became.value}{more}")
    named = ", ".join(f"{shorten(one.name)} {shorten(one.new or one.old or '')}".strip() for one in changes[:2])
    return f"{len(changes):,} {'other ' if others else ''}packages: {', '.join(said)} ({named}, …)"


def say_package(change: PackageChange, ecosystem: Ecosystem) -> str:
    """Say what became of a package: `torch 2.3.1 → 2.4.0 (minor)`."""
    name, old, new = shorten(change.name), shorten(change.old or ""), shorten(change.new or "")
    match change.became:
        case Became.ADDED:
            return f"{name} {new}".strip() + " added"
        case Became.REMOVED:
            return f"{name} {old}".strip() + " removed"
        case Became.OTHER_BYTES:
            return f"{name} {new}: {_other_bytes(ecosystem)}"
        case Became.DOWNGRADED:
            return f"{name} {old} → {new} (downgraded{', ' + change.step if change.step else ''})"
        case Became.UPGRADED | Became.CHANGED:
            return f"{name} {old or 'unpinned'} → {new or 'unpinned'}" + (f" ({change.step})" if change.step else "")
        case _:
            return f"{name} {change.became.value}: {old or 'the usual index'} → {new or 'the usual index'}"


def _what(change: PackageChange, ecosystem: Ecosystem) -> str:
    if change.became is Became.OTHER_BYTES:
        return _other_bytes(ecosystem)
    return f"{change.became.value}, {change.step}" if change.step else change.became.value


def _other_bytes(ecosystem: Ecosystem) -> str:
    return "same tag, different image" if ecosystem is Ecosystem.IMAGE else Became.OTHER_BYTES.value
