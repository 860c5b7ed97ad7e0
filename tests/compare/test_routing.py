"""Routing: what a person reads when shares, routes or the order of rules changed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lastgood.canonical import canonical_json
from lastgood.compare.change import KeyChange
from lastgood.compare.routing import RoutingChange
from lastgood.compare.showing import Table
from lastgood.model.component import Kind
from tests.compare.sides import compare_one

ROUTES = "routes:\n- {name: eu, weight: 10}\n- {name: us, weight: 90}\n"


@dataclass(frozen=True)
class Case:
    name: str
    old: str
    new: str
    summary: str
    details: tuple[type, ...] = (RoutingChange,)


CASES = (
    Case(
        "weights moved from one to another",
        ROUTES,
        ROUTES.replace("10", "30").replace("90", "70"),
        "route eu: weight 10 → 30 (share 10% → 30%); route us: weight 90 → 70 (share 90% → 70%)",
    ),
    Case(
        "one weight, and the sum with it",
        ROUTES,
        ROUTES.replace("10", "30"),
        "route eu: weight 10 → 30 (share 10% → 25%); the weights add up to 120 (before: 100)",
    ),
    Case(
        "weights that never added up to anything",
        "models:\n- {model: a, weight: 1}\n- {model: b, weight: 3}\n",
        "models:\n- {model: a, weight: 2}\n- {model: b, weight: 3}\n",
        "model a: weight 1 → 2 (share 25% → 40%)",
    ),
    Case(
        "percent that do not add up",
        "targets:\n- {name: a, percent: 40}\n- {name: b, percent: 50}\n",
        "targets:\n- {name: a, percent: 40}\n- {name: b, percent: 55}\n",
        "target b: weight 50 → 55 (share 55.6% → 57.9%); the weights add up to 95 (before: 90)",
    ),
    Case(
        "a route added",
        ROUTES,
        ROUTES.replace("90", "70") + "- {name: asia, weight: 20, model: gpt-4o}\n",
        "route us: weight 90 → 70 (share 90% → 70%); route asia added: weight 20 (share 20%)",
    ),
    Case(
        "a route removed",
        ROUTES,
        "routes:\n- {name: us, weight: 90}\n",
        "route eu removed: weight 10 (share 10%); the weights add up to 90 (before: 100)",
    ),
    Case(
        "an object of numbers",
        "traffic: {stable: 0.9, canary: 0.1}\n",
        "traffic: {stable: 0.5, canary: 0.5}\n",
        "route stable: weight 0.9 → 0.5 (share 90% → 50%); route canary: weight 0.1 → 0.5 (share 10% → 50%)",
    ),
    Case(
        "an object of routes",
        "backends:\n  eu: {weight: 1, url: a}\n  us: {weight: 1, url: b}\n",
        "backends:\n  eu: {weight: 3, url: a}\n  us: {weight: 1, url: c}\n",
        'backend eu: weight 1 → 3 (share 50% → 75%); backends.us.url: "b" → "c"',
        (RoutingChange, KeyChange),
    ),
    Case(
        "routes without a name",
        "upstreams:\n- {url: a, weight: 1}\n- {url: b, weight: 1}\n",
        "upstreams:\n- {url: a, weight: 1}\n- {url: b, weight: 3}\n",
        "upstream b: weight 1 → 3 (share 50% → 75%)",
    ),
    Case(
        "from no weight at all",
        "routes:\n- {name: a, weight: 0}\n- {name: b, weight: 0}\n",
        "routes:\n- {name: a, weight: 1}\n- {name: b, weight: 0}\n",
        "route a: weight 0 → 1 (share none → 100%)",
    ),
    Case(
        "rules in another order",
        "rules:\n- {name: vip, when: gold, to: a}\n- {name: all, when: any, to: b}\n",
        "rules:\n- {name: all, when: any, to: b}\n- {name: vip, when: gold, to: a}\n",
        "order of rules: vip, all → all, vip (the first that matches wins)",
    ),
    Case(
        "rules known by their conditions",
        "- {if: gold, to: a}\n- {if: any, to: b}\n",
        "- {if: any, to: c}\n- {if: gold, to: a}\n",
        'order of (the whole file): gold, any → any, gold (the first that matches wins); [any].to: "b" → "c"',
        (RoutingChange, KeyChange),
    ),
    Case(
        "a condition changed",
        "rules:\n- {name: vip, when: gold, to: a}\n",
        "rules:\n- {name: vip, when: gold or silver, to: a}\n",
        'rules[vip].when: "gold" → "gold or silver"',
        (KeyChange,),
    ),
    Case(
        "fallbacks in another order",
        "fallbacks:\n- {model: a, wait: 1}\n- {model: b, wait: 2}\n",
        "fallbacks:\n- {model: b, wait: 2}\n- {model: a, wait: 1}\n",
        "order of fallbacks: a, b → b, a (they are tried in this order)",
    ),
    Case(
        "a list whose order means nothing",
        ROUTES,
        "routes:\n- {name: us, weight: 90}\n- {name: eu, weight: 10}\n",
        'routes reordered: ["eu", "us"] → ["us", "eu"]',
        (KeyChange,),
    ),
    Case(
        "a weight that is none any more",
        ROUTES,
        ROUTES.replace("10", "much"),
        'routes[eu].weight: 10 (number) → "much" (text)',
        (KeyChange,),
    ),
    Case("weights that are not numbers", "weights: {a: 1, b: x}\n", "weights: {a: 2, b: x}\n", "weights.a: 1 → 2", (KeyChange,)),
    Case("weights beyond all numbers of JSON", f"weights: {{a: {2**60}}}\n", "weights: {a: 1}\n", f"weights.a: {2**60} → 1", (KeyChange,)),
    Case("endless weights", "weights: {a: 1}\n", "weights: {a: .inf}\n", "weights.a: 1 → Infinity", (KeyChange,)),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Case) -> None:
    change = compare_one(Kind.CONFIG, "config/r.yaml", case.old, case.new)
    assert change.summary == f"r.yaml: {case.summary}"
    assert tuple(map(type, change.details)) == case.details
    canonical_json(change.to_json())
    for detail in change.details:
        assert list(detail.shown())


def test_the_table_has_the_routes_that_nobody_touched_as_well() -> None:
    (detail,) = compare_one(Kind.CONFIG, "r.yaml", ROUTES, ROUTES.replace("10", "30")).details
    (table,) = [block for block in detail.shown() if isinstance(block, Table)]
    assert table.rows == (("eu", "10 → 30", "10% → 25%"), ("us", "90", "90% → 75%"))


def test_many_routes_are_cut_unless_everything_is_asked_for() -> None:
    old = "routes:\n" + "".join(f"- {{name: r{number}, weight: 1}}\n" for number in range(100))
    (detail,) = compare_one(Kind.CONFIG, "r.yaml", old, old.replace("r7, weight: 1", "r7, weight: 2")).details
    sizes = [len(block.rows) for shown in (False, True) for block in detail.shown(everything=shown) if isinstance(block, Table)]
    assert sizes == [1, 100]
