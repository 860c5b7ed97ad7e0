"""From a prepared workspace to the draft of a release: each declared component becomes a content and a provenance."""

from __future__ import annotations

from collections.abc import Mapping

from lastgood.canonical import Json
from lastgood.errors import InvalidWorkspace
from lastgood.ids import FileDigest
from lastgood.model.component import (
    Component,
    Content,
    DatasetContent,
    EvalContent,
    FilesContent,
    HostedContent,
    Kind,
    MadeBy,
    Provenance,
    ReferenceContent,
    RuntimeContent,
    make_component,
)
from lastgood.workspace.declaration import DeclaredComponent


def component_of(declared: DeclaredComponent, listing: FileDigest | None, observed: Mapping[str, Json]) -> Component:
    """Return a component of a new release.

    Args:
        declared: what lastgood.toml says of it.
        listing: the digest of its listing, where it has files.
        observed: facts about the host, which are provenance and change no identity.
    """
    return make_component(declared.name, _content_of(declared, listing), _provenance_of(declared, observed))


def _content_of(declared: DeclaredComponent, listing: FileDigest | None) -> Content:
    if declared.kind is Kind.HOSTED:
        return HostedContent(_said(declared.provider), _said(declared.model), declared.fingerprint)
    if declared.by_reference:
        return ReferenceContent(_said(declared.uri), declared.version, declared.digest)
    if listing is None:
        raise InvalidWorkspace(f"component {declared.name} has no files")
    match declared.kind:
        case Kind.DATASET:
            return DatasetContent(listing, declared.key)
        case Kind.EVAL:
            return EvalContent(listing, declared.run, declared.on)
        case Kind.RUNTIME:
            return RuntimeContent(listing, declared.python, declared.platform, declared.container)
        case _:
            return FilesContent(declared.kind, listing)


def _provenance_of(declared: DeclaredComponent, observed: Mapping[str, Json]) -> Provenance:
    made_by = declared.made_by
    return Provenance(
        made_by=None if made_by is None else MadeBy(made_by.run, dict.fromkeys(made_by.inputs), made_by.seed),
        derived_from=declared.derived_from,
        licence=declared.licence,
        observed=observed,
    )


def _said(value: str | None) -> str:
    """Return a field that reading the workspace file made sure of."""
    assert value is not None  # noqa: S101
    return value
