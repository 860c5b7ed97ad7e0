"""Components: the named, typed parts of a pipeline, with what they are apart from how they came to be.

Rules: *content* is identity and holds declared values only, an absent one being null; *provenance* never changes an
identity. A hosted model, the runtime, prompts, config, code and artifacts act in production; datasets and evals do not.

    >>> content = HostedContent("openai", "gpt-4.1-2025-04-14", None)
    >>> content.to_json()["kind"], content.kind.acts
    ('hosted', True)
    >>> content_from_json(content.to_json()) == content
    True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from lastgood.canonical import Json, JsonObject, canonical_json
from lastgood.errors import InvalidManifest, InvalidName, NewerSchema
from lastgood.ids import ComponentName, ContentDigest, FileDigest
from lastgood.model import fields


class Kind(StrEnum):
    """The eight kinds of component."""

    ARTIFACT = "artifact"
    HOSTED = "hosted"
    PROMPT = "prompt"
    CONFIG = "config"
    DATASET = "dataset"
    EVAL = "eval"
    CODE = "code"
    RUNTIME = "runtime"

    @property
    def acts(self) -> bool:
        """Whether components of this kind act in production, so that they are part of the behavior."""
        return self not in {Kind.DATASET, Kind.EVAL}


@dataclass(frozen=True, slots=True)
class FilesContent:
    """What an artifact, a prompt, a config or code is: its files."""

    kind: Kind
    listing: FileDigest

    def to_json(self) -> JsonObject:
        """Return the canonical fields."""
        return {"kind": self.kind.value, "listing": str(self.listing)}


@dataclass(frozen=True, slots=True)
class DatasetContent:
    """What a dataset kept by its bytes is: its files and the field its rows are told apart by."""

    listing: FileDigest
    key: str | None
    kind: ClassVar[Kind] = Kind.DATASET

    def to_json(self) -> JsonObject:
        """Return the canonical fields."""
        return {"kind": self.kind.value, "listing": str(self.listing), "key": self.key}


@dataclass(frozen=True, slots=True)
class ReferenceContent:
    """What a dataset kept by reference is: where it is, its version and its digest there."""

    uri: str
    version: str | None
    digest: str | None
    kind: ClassVar[Kind] = Kind.DATASET
    listing: ClassVar[None] = None

    def to_json(self) -> JsonObject:
        """Return the canonical fields."""
        return {"kind": self.kind.value, "uri": self.uri, "version": self.version, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class EvalContent:
    """What an evaluation suite is: its files, the command that runs it and the dataset it runs on."""

    listing: FileDigest
    run: str | None
    on: ComponentName | None
    kind: ClassVar[Kind] = Kind.EVAL

    def to_json(self) -> JsonObject:
        """Return the canonical fields."""
        return {"kind": self.kind.value, "listing": str(self.listing), "run": self.run, "on": self.on}


@dataclass(frozen=True, slots=True)
class HostedContent:
    """What a provider's model is: the provider, the exact model id and the fingerprint, where one is known."""

    provider: str
    model: str
    fingerprint: str | None
    kind: ClassVar[Kind] = Kind.HOSTED
    listing: ClassVar[None] = None

    def to_json(self) -> JsonObject:
        """Return the canonical fields."""
        return {
            "kind": self.kind.value,
            "provider": self.provider,
            "model": self.model,
            "fingerprint": self.fingerprint,
        }


@dataclass(frozen=True, slots=True)
class RuntimeContent:
    """What a runtime is: its lock files and the declared Python, platform and container digest."""

    listing: FileDigest
    python: str | None
    platform: str | None
    container: str | None
    kind: ClassVar[Kind] = Kind.RUNTIME

    def to_json(self) -> JsonObject:
        """Return the canonical fields."""
        return {
            "kind": self.kind.value,
            "listing": str(self.listing),
            "python": self.python,
            "platform": self.platform,
            "container": self.container,
        }


Content = FilesContent | DatasetContent | ReferenceContent | EvalContent | HostedContent | RuntimeContent


def content_from_json(value: Json) -> Content:
    """Read a content.

    Raises:
        InvalidManifest: a field is missing or of another type.
        NewerSchema: the kind is not one this version knows.
    """
    known = fields.Fields(value, "a component's content")
    name = known.text("kind")
    try:
        kind = Kind(name)
    except ValueError as error:
        raise NewerSchema(f"a component is of the kind {name[:80]!r}, which this version does not know") from error
    return _read_content(kind, known)


def _read_content(kind: Kind, known: fields.Fields) -> Content:
    if kind is Kind.HOSTED:
        return HostedContent(known.text("provider"), known.text("model"), known.optional_text("fingerprint"))
    if kind is Kind.DATASET and "uri" in known:
        return ReferenceContent(known.text("uri"), known.optional_text("version"), known.optional_text("digest"))
    listing = known.digest("listing", FileDigest)
    if kind is Kind.DATASET:
        return DatasetContent(listing, known.optional_text("key"))
    if kind is Kind.EVAL:
        on = known.optional_text("on")
        return EvalContent(listing, known.optional_text("run"), _read_name(on) if on is not None else None)
    if kind is Kind.RUNTIME:
        declared = (known.optional_text(name) for name in ("python", "platform", "container"))
        return RuntimeContent(listing, *declared)
    return FilesContent(kind, listing)


@dataclass(frozen=True, slots=True)
class MadeBy:
    """How a component was made, as far as it is known.

    Attributes:
        run: the command.
        inputs: what it was made from, each with the digest of its content as it was then, if that is known.
        seed: the seed of its randomness.
        asserted: whether a person only says so; false when the making was recorded.
    """

    run: str | None
    inputs: Mapping[str, str | None] = field(default_factory=dict)
    seed: int | None = None
    asserted: bool = True

    @property
    def declared(self) -> tuple[str | None, tuple[str, ...], int | None]:
        """What a person declared of it: command, names of the inputs, seed."""
        return self.run, tuple(sorted(self.inputs)), self.seed

    def to_json(self) -> JsonObject:
        """Return the fields of the manifest."""
        return {"run": self.run, "inputs": dict(self.inputs), "seed": self.seed, "asserted": self.asserted}


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a component came to be: what is declared of it, and what was observed when it was committed."""

    made_by: MadeBy | None = None
    derived_from: tuple[str, ...] = ()
    licence: str | None = None
    observed: Mapping[str, Json] = field(default_factory=dict)

    @property
    def declared(self) -> tuple[object, ...]:
        """The part that makes a new release when it changes."""
        return (self.made_by.declared if self.made_by else None), self.derived_from, self.licence

    def to_json(self) -> JsonObject:
        """Return the fields of the manifest."""
        return {
            "made_by": self.made_by.to_json() if self.made_by else None,
            "derived_from": list(self.derived_from),
            "licence": self.licence,
            "observed": dict(self.observed),
        }


def provenance_from_json(value: Json) -> Provenance:
    """Read a provenance.

    Raises:
        InvalidManifest: a field is of another type.
    """
    known = fields.Fields(value, "a component's provenance")
    made_by = known.optional("made_by")
    return Provenance(
        made_by=_read_made_by(made_by) if made_by is not None else None,
        derived_from=known.texts("derived_from"),
        licence=known.optional_text("licence"),
        observed=known.mapping("observed"),
    )


def _read_made_by(value: Json) -> MadeBy:
    known = fields.Fields(value, "made_by")
    inputs = known.mapping("inputs")
    texts = {name: digest for name, digest in inputs.items() if digest is None or isinstance(digest, str)}
    if len(texts) != len(inputs):
        raise InvalidManifest("made_by.inputs must map names to digests")
    return MadeBy(known.optional_text("run"), texts, known.optional_int("seed"), known.flag("asserted"))


@dataclass(frozen=True, slots=True)
class Component:
    """One named part of a release: what it is and how it came to be.

    `document` is the content as it was written, with fields that this version does not know; identities come from it.
    """

    name: ComponentName
    content: Content
    provenance: Provenance
    document: Mapping[str, Json]

    @property
    def digest(self) -> ContentDigest:
        """The identity of its content: SHA-256 of the canonical JSON."""
        return ContentDigest.of(canonical_json(dict(self.document)))

    @property
    def kind(self) -> Kind:
        """The kind of its content."""
        return self.content.kind


def make_component(name: ComponentName, content: Content, provenance: Provenance) -> Component:
    """Make a component of a new release."""
    return Component(name, content, provenance, content.to_json())


def component_from_json(name: str, value: Json) -> Component:
    """Read a component of a manifest.

    Raises:
        InvalidManifest: its name or a field is not right.
    """
    known = fields.Fields(value, f"component {name[:80]}")
    checked = _read_name(name)
    content = content_from_json(known.value("content"))
    return Component(checked, content, provenance_from_json(known.value("provenance")), known.mapping("content"))


def _read_name(text: str) -> ComponentName:
    try:
        return ComponentName.parse(text)
    except InvalidName as error:
        raise InvalidManifest(str(error)) from error
