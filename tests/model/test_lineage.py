"""Lineage as a graph: what manifests record and nothing else, upstream and downstream, whatever stands in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.ids import ComponentName, ContentDigest, FileDigest, ReleaseId
from lastgood.model.component import Component, DatasetContent, EvalContent, FilesContent, Kind, MadeBy, Provenance, make_component
from lastgood.model.lineage import graph as graphs
from lastgood.model.lineage.dot import dot, quoted
from lastgood.model.lineage.graph import Graph, Judged, Known, Relation, lineage, node_id
from lastgood.model.lineage.timeline import Changes, Snapshot, Span, Timeline, spans_text
from lastgood.model.lineage.walk import DEEPEST, Direction, walk

START = datetime(2026, 11, 2, tzinfo=UTC)


def dataset(name: str, text: str, *, derived_from: tuple[str, ...] = ()) -> Component:
    return make_component(ComponentName(name), DatasetContent(FileDigest.of(text.encode()), "id"), Provenance(None, derived_from))


def model(name: str, text: str, inputs: Mapping[str, str | None], *, asserted: bool = True) -> Component:
    made_by = MadeBy("python train.py", dict(inputs), 7, asserted)
    return make_component(ComponentName(name), FilesContent(Kind.ARTIFACT, FileDigest.of(text.encode())), Provenance(made_by))


def suite(name: str, on: str) -> Component:
    return make_component(ComponentName(name), EvalContent(FileDigest.of(b"suite"), "sh run.sh", ComponentName(on)), Provenance())


def timeline(*releases: tuple[Component, ...], first: int = 1) -> Timeline:
    return Timeline(
        Snapshot(number, ReleaseId.of(str(number).encode()), START + timedelta(days=number), {one.name: one for one in components})
        for number, components in enumerate(releases, first)
    )


def node(component: Component) -> str:
    return node_id(component.name, str(component.digest))


def graph_of(*releases: tuple[Component, ...], live: Mapping[int, tuple[str, ...]] | None = None) -> Graph:
    return lineage(timeline(*releases), live or {}, {})


TRAIN = [dataset("train", text, derived_from=("s3://lake/tickets@v7",)) for text in "abc"]
ROUTER = model("router", "w1", {"train": str(TRAIN[0].digest)})
RETRAINED = model("router", "w2", {"train": str(TRAIN[2].digest)}, asserted=False)


def test_an_input_leads_to_the_content_it_had_and_says_what_came_since() -> None:
    graph = graph_of((TRAIN[0], ROUTER), (TRAIN[1], ROUTER), (TRAIN[2], ROUTER))
    (edge,) = graph.sources_of(node(ROUTER))
    assert (edge.source, edge.relation, edge.asserted) == (node(TRAIN[0]), Relation.MADE_FROM, True)
    assert (edge.as_of, edge.changes) == (1, Changes((2, 3), 2))


def test_a_component_that_came_back_has_not_changed_and_one_that_is_gone_has() -> None:
    back = graph_of((TRAIN[0], ROUTER), (TRAIN[1], ROUTER), (TRAIN[0], ROUTER))
    assert back.sources_of(node(ROUTER))[0].changes == Changes()
    assert back.nodes[node(TRAIN[0])].spans == (Span(1, 1), Span(3, 3))
    gone = graph_of((TRAIN[0], ROUTER), (ROUTER,))
    assert gone.sources_of(node(ROUTER))[0].changes == Changes((2,), 1)


def test_upstream_and_downstream_are_the_two_ways_along_the_same_edges() -> None:
    graph = graph_of((TRAIN[0], ROUTER), (TRAIN[2], RETRAINED), live={2: ("prod",)})
    assert set(graph.upstream([node(ROUTER)]).nodes) == {node(ROUTER), node(TRAIN[0]), "s3://lake/tickets@v7"}
    down = graph.downstream(["s3://lake/tickets@v7"])
    assert set(down.nodes) == {"s3://lake/tickets@v7", *map(node, (TRAIN[0], TRAIN[2], ROUTER, RETRAINED))}
    assert {one.name: one.live_in for one in down.nodes.values() if one.live_in} == {"router": ("prod",), "train": ("prod",)}
    assert not graph.sources_of(node(RETRAINED))[0].asserted


@pytest.mark.parametrize(
    ("name", "digest", "known", "identity"),
    [
        ("train", None, Known.UNRECORDED, "train@?"),
        ("s3://lake/x@v1", None, Known.EXTERNAL, "s3://lake/x@v1"),
        ("train", "ab" * 32, Known.ELSEWHERE, f"train@{'ab' * 32}"),
        ("train", "no digest\n", Known.ELSEWHERE, "train@no digest\n"),
        ("../\x1b", None, Known.UNRECORDED, "../\x1b@?"),
    ],
)
def test_what_nobody_recorded_is_said_to_be_unknown(name: str, digest: str | None, known: Known, identity: str) -> None:
    made = model("router", "w", {name: digest})
    graph = graph_of((made,))
    (edge,) = graph.sources_of(node(made))
    assert edge.source == identity
    assert graph.nodes[identity].known is known


def test_an_input_that_was_renamed_is_found_by_its_content() -> None:
    renamed = make_component(ComponentName("tickets"), TRAIN[0].content, Provenance())
    made = model("router", "w", {"train": str(TRAIN[0].digest)})
    graph = graph_of((renamed, made))
    assert [edge.source for edge in graph.sources_of(node(made))] == [node(renamed)]


def test_derived_from_a_component_means_the_one_beside_it() -> None:
    cleaned = dataset("cleaned", "x", derived_from=("train",))
    graph = graph_of((TRAIN[0], cleaned), (TRAIN[1], cleaned))
    (edge,) = graph.sources_of(node(cleaned))
    assert (edge.source, edge.relation, edge.changes.first) == (node(TRAIN[0]), Relation.DERIVED_FROM, (2,))


def test_a_suite_runs_on_each_content_that_stood_beside_it() -> None:
    quality = suite("quality", "train")
    graph = graph_of((TRAIN[0], quality), (TRAIN[1], quality))
    assert [(edge.source, edge.changes.first) for edge in graph.sources_of(node(quality))] == [(node(TRAIN[0]), (2,)), (node(TRAIN[1]), ())]


def test_a_model_that_was_trained_on_from_itself_ends() -> None:
    content = FilesContent(Kind.ARTIFACT, FileDigest.of(b"w"))
    bare = make_component(ComponentName("router"), content, Provenance())
    made = make_component(ComponentName("router"), content, Provenance(MadeBy("go on", {"router": str(bare.digest)})))
    graph = graph_of((made,))
    branches = list(walk(graph, node(made), Direction.UPSTREAM))
    assert [(branch.node, branch.repeated) for branch in branches] == [(node(made), False), (node(made), True)]


def test_what_was_judged_is_known_by_its_content() -> None:
    judged = {ContentDigest(TRAIN[0].digest): (Judged("quality", 1),)}
    graph = lineage(timeline((TRAIN[0],)), {}, judged)
    assert graph.nodes[node(TRAIN[0])].judged == (Judged("quality", 1),)
    assert graph.nodes[node(TRAIN[0])].to_json()["evaluations"] == [{"suite": "quality", "number": 1}]


def test_a_tree_shows_each_part_once_and_draws_its_lines() -> None:
    base = model("base", "b", {"train": str(TRAIN[0].digest)})
    top = model("top", "t", {"base": str(base.digest), "train": str(TRAIN[0].digest), "x": None})
    graph = graph_of((TRAIN[0], base, top))
    lines = [
        f"{one.margin}{graph.nodes[one.node].name}{' (again)' if one.repeated else ''}"
        for one in walk(graph, node(top), Direction.UPSTREAM)
    ]
    assert lines == ["top", "├─ base", "│  └─ train", "│     └─ s3://lake/tickets@v7", "├─ train (again)", "└─ x"]


def test_a_chain_of_ten_thousand_models_is_cut() -> None:
    chain = [model("router", "0", {})]
    for number in range(1, 10_000):
        chain.append(model("router", str(number), {"router": str(chain[-1].digest)}))
    graph = graph_of(*((one,) for one in chain))
    up = graph.upstream([node(chain[-1])])
    assert up.is_cut
    assert len(up.nodes) == graphs.MOST_NODES
    branches = list(walk(up, node(chain[-1]), Direction.UPSTREAM))
    assert len(branches) == DEEPEST + 1
    assert branches[-1].deeper


NAMES = st.sampled_from(["a", "b", "c", "d"])
RELEASES = st.lists(st.dictionaries(NAMES, st.tuples(st.integers(0, 2), st.lists(NAMES, max_size=2))), min_size=1, max_size=6)


@given(RELEASES)
def test_a_timeline_says_what_the_releases_say(drawn: list[dict[str, tuple[int, list[str]]]]) -> None:
    releases = [tuple(dataset(name, str(text)) for name, (text, _) in release.items()) for release in drawn]
    line = timeline(*releases)
    for number, release in enumerate(releases, 1):
        held = {one.name: one.digest for one in release}
        assert {name: line.content_at(name, number) for name in line.names if line.content_at(name, number)} == held
    for (name, digest), kept in line.held.items():
        having = [number for number, release in enumerate(releases, 1) if any((one.name, one.digest) == (name, digest) for one in release)]
        assert [number for span in kept.spans for number in range(span.first, span.last + 1)] == having
        assert all(before.last + 1 < after.first for before, after in pairwise(kept.spans))


@given(RELEASES)
def test_any_graph_is_walked_to_its_end(drawn: list[dict[str, tuple[int, list[str]]]]) -> None:
    first = {name: dataset(name, str(text)) for release in drawn for name, (text, _) in release.items()}
    releases = []
    for release in drawn:
        inputs = {
            name: {source: str(first[source].digest) for source in sources if source in first} for name, (_, sources) in release.items()
        }
        releases.append(
            tuple(
                make_component(ComponentName(name), dataset(name, str(text)).content, Provenance(MadeBy("x", inputs[name])))
                for name, (text, _) in release.items()
            )
        )
    graph = graph_of(*releases)
    for root in graph.nodes:
        for direction, part in ((Direction.UPSTREAM, graph.upstream([root])), (Direction.DOWNSTREAM, graph.downstream([root]))):
            branches = list(walk(part, root, direction))
            assert {branch.node for branch in branches} == set(part.nodes)
            assert len(branches) <= len(part.edges) + 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a"b', '"a\\"b"'),
        ("a\\", '"a\\\\"'),
        ("a\nb\x1b[31m\u202e", '"a b [31m "'),
        ("x" * 300, '"' + "x" * 200 + '…"'),
    ],
)
def test_no_text_ends_the_string_it_stands_in(text: str, expected: str) -> None:
    assert quoted(text) == expected


def test_a_graph_for_graphviz() -> None:
    graph = graph_of((TRAIN[0], ROUTER), (TRAIN[1], ROUTER), live={2: ("prod",)})
    router, train = ROUTER.digest.short, TRAIN[0].digest.short
    assert list(dot(graph.upstream([node(ROUTER)])))[4:] == [
        f'  n0 [label="router (artifact)\\n{router}  r1-\\npython train.py\\nruns in prod", penwidth=2];',
        f'  n1 [label="train (dataset)\\n{train}  r1"];',
        '  n2 [label="s3://lake/tickets@v7", style=dashed];',
        '  n2 -> n1 [label="derived from", style=dashed];',
        '  n1 -> n0 [label="made from, asserted", style=solid];',
        "}",
    ]


@pytest.mark.parametrize(
    ("spans", "latest", "expected"),
    [
        ([], 3, "no release"),
        ([Span(1, 1)], 3, "r1"),
        ([Span(3, 3)], 3, "r3-"),
        ([Span(1, 3)], 3, "r1-"),
        ([Span(1, 2), Span(4, 5)], 9, "r1-r2, r4-r5"),
        ([Span(1, 2)], None, "r1-r2"),
    ],
)
def test_spans_for_people(spans: list[Span], latest: int | None, expected: str) -> None:
    assert spans_text(spans, latest) == expected
