"""A retention policy as it stands in the ledger, and as it is read back.

Rules: periods are seconds; what a policy does not say is null or absent; a policy of an older version, which knew three rules,
reads as it always did. The digest of a policy is that of its canonical JSON.

    >>> policy = Policy(Rules(keep_last=50, keep_deployed={"*": timedelta(days=400)}, keep_tagged=True))
    >>> policy_to_json(policy)
    {'keep_last': 50, 'keep_deployed_seconds': {'*': 34560000}, 'keep_tagged': True}
    >>> read_policy(policy_to_json(policy)) == policy
    True
    >>> read_policy({"keep_last": 50, "keep_deployed_seconds": 34560000, "keep_tagged": True}) == policy
    True
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from lastgood.canonical import Json, JsonObject, canonical_json
from lastgood.errors import InvalidManifest
from lastgood.ids import PolicyDigest
from lastgood.model.component import Kind
from lastgood.model.fields import Fields
from lastgood.model.retention import REMOVABLE, ROLLBACKS, Policy, Rules

_COUNTS = ("keep_last", "keep_daily", "keep_weekly", "keep_monthly", "keep_every")


def policy_to_json(policy: Policy) -> JsonObject:
    """Return the canonical fields of a policy; what is not said is left out."""
    written = _rules_to_json(policy.rules)
    if policy.rollbacks != ROLLBACKS:
        written["rollbacks"] = policy.rollbacks
    if policy.kinds:
        written["kinds"] = {kind.value: _rules_to_json(rules) for kind, rules in policy.kinds.items()}
    if policy.optimizer is not None:
        written["optimizer"] = _rules_to_json(policy.optimizer)
    return written


def policy_digest(policy: Policy) -> PolicyDigest:
    """Return the digest of a policy."""
    return PolicyDigest.of(canonical_json(policy_to_json(policy)))


def read_policy(document: Mapping[str, Json]) -> Policy:
    """Read a policy.

    Raises:
        InvalidManifest: a field is not what it should be.
    """
    known = Fields(dict(document), "a retention policy")
    rollbacks = known.optional_int("rollbacks")
    kinds = {_kind(name): _read_rules(rules) for name, rules in known.mapping("kinds").items()}
    optimizer = known.optional("optimizer")
    return Policy(
        rules=_read_rules(dict(document)),
        kinds=kinds,
        optimizer=None if optimizer is None else _read_rules(optimizer),
        rollbacks=ROLLBACKS if rollbacks is None else rollbacks,
    )


def _kind(name: str) -> Kind:
    if name not in {kind.value for kind in REMOVABLE}:
        raise InvalidManifest(f"a retention policy speaks of {name[:80]!r}, whose bytes are never removed")
    return Kind(name)


def _rules_to_json(rules: Rules) -> JsonObject:
    deployed = rules.keep_deployed
    said: dict[str, Json] = {name: getattr(rules, name) for name in _COUNTS}
    said |= {
        "keep_deployed_seconds": None if deployed is None else {name: int(period.total_seconds()) for name, period in deployed.items()},
        "keep_tagged": rules.keep_tagged,
        "min_age_seconds": None if rules.min_age is None else int(rules.min_age.total_seconds()),
    }
    order = ("keep_last", "keep_deployed_seconds", "keep_tagged", *_COUNTS[1:], "min_age_seconds")
    return {name: said[name] for name in order if said[name] is not None}


def _read_rules(value: Json) -> Rules:
    known = Fields(value, "a retention policy")
    age = known.optional_int("min_age_seconds")
    return Rules(
        **{name: known.optional_int(name) for name in _COUNTS},
        keep_deployed=_read_deployed(known.optional("keep_deployed_seconds")),
        keep_tagged=None if known.optional("keep_tagged") is None else known.flag("keep_tagged"),
        min_age=None if age is None else timedelta(seconds=age),
    )


def _read_deployed(value: Json) -> Mapping[str, timedelta] | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return {"*": timedelta(seconds=value)}
    periods = Fields(value, "keep_deployed_seconds")
    found = {name: periods.optional_int(name) for name in periods}
    return {name: timedelta(seconds=seconds) for name, seconds in found.items() if seconds is not None}
