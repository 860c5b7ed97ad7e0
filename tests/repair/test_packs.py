"""Damaged packs are put aside and never deleted; what still proves of them stays, and what is lost is named."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from lastgood.ids import PackId
from lastgood.model.placement import PackContents
from lastgood.store.backend.local import LocalBackend
from lastgood.store.backend.memory import MemoryBackend
from lastgood.store.codec import Written
from lastgood.store.pack import PackBuilder, pack_name, read_footer
from lastgood.store.proving import places_by_frame
from tests.cli.commands import Desk
from tests.repair.damage import CHECKPOINTS, change_catalog, flip, index_of, packs_of, rows_of

WEIGHTS = "models/router.safetensors"


def contents_of(desk: Desk, pack: Path) -> PackContents:
    return read_footer(LocalBackend(desk.registry / "store"), PackId.parse(pack.stem))


def quarantine_of(desk: Desk) -> list[Path]:
    return sorted((desk.registry / "store/quarantine").glob("*"))


def repair(desk: Desk, *options: str) -> Any:  # noqa: ANN401 - any JSON
    ran = desk.run("repair", *options, "--json")
    assert ran.code == (7 if ran.answer["hurt"] else 0)
    return ran.answer


def lost_in(answer: dict[str, Any]) -> dict[str, set[str]]:
    return {one["label"]: set(one["files"]) for one in answer["hurt"]}


def is_as_said(desk: Desk, answer: dict[str, Any]) -> None:
    """See that what is not named as lost is there, that what is named is not served, and that work goes on."""
    lost = lost_in(answer)
    for number in range(1, CHECKPOINTS + 1):
        label = f"r{number}"
        verified = desk.run("verify", label, "--full")
        assert verified.code == (7 if label in lost else 0), verified
        if label in lost:
            assert desk.fails("checkout", label, f"out-{label}")["kind"] == "integrity"
        else:
            desk.tell("checkout", label, f"out-{label}")
    again = repair(desk)
    assert (again["quarantined"], lost_in(again)) == ([], lost)
    # What is on disk is still there: a commit keeps again what was lost of it, whether it makes a release or not.
    assert desk.commit()["created"] is False
    desk.tell("verify", "latest", "--full")
    assert desk.commit("Something new.")["number"] == CHECKPOINTS + 1
    desk.tell("verify", "latest", "--full")


def test_a_flipped_bit_costs_its_frame_and_nothing_else(series: Desk) -> None:
    pack = packs_of(series)[1]
    contents = contents_of(series, pack)
    # The frame of the prompts that only r2 has: its small chunks stand in a group.
    number, frame = next((n, one) for n, one in enumerate(contents.frames) if not one.encoding.has_base)
    lost = sum(one.frame == number for one in contents.chunks)
    flip(pack, frame.offset + frame.length // 2)
    damaged = pack.read_bytes()

    told = repair(series, "--dry-run")
    assert pack.read_bytes() == damaged
    assert not quarantine_of(series)
    answer = repair(series)

    assert lost_in(told) == lost_in(answer)
    assert [one["saved"] for one in told["quarantined"]] == [one["saved"] for one in answer["quarantined"]]
    assert lost_in(answer).keys() == {"r2"}
    # Of a group that is kept raw even its other chunks are saved.
    assert len(contents.chunks) - lost <= answer["quarantined"][0]["saved"] < len(contents.chunks)
    assert [one.read_bytes() for one in quarantine_of(series)] == [damaged]
    assert not pack.exists()
    is_as_said(series, answer)


def test_a_damaged_base_hurts_what_stands_on_it(series: Desk) -> None:
    pack = packs_of(series)[0 + 1]
    contents = contents_of(series, pack)
    frame = next(one for one in contents.frames if one.encoding.has_base and one.length > 100_000)
    flip(pack, frame.offset + frame.length // 2)

    verified = series.run("verify", "--json").answer
    answer = repair(series)

    # The weights of r2 were written against r1's, those of r3 and r4 against r2's, or on top of each other.
    assert WEIGHTS in lost_in(answer)["r2"]
    assert "r1" not in lost_in(answer)
    assert set(lost_in(answer)) == set(verified["problems"][0]["releases"])
    assert len(verified["problems"]) == 1
    is_as_said(series, answer)


def cut_in_half(pack: Path) -> None:
    os.truncate(pack, pack.stat().st_size // 2)


def cut_at_its_end(pack: Path) -> None:
    os.truncate(pack, pack.stat().st_size - 1)


def lose_its_footer(pack: Path) -> None:
    flip(pack, -100)


def become_another(pack: Path) -> None:
    pack.unlink()
    pack.write_bytes(os.urandom(10_000))


def become_nothing(pack: Path) -> None:
    os.truncate(pack, 0)


def become_a_fifo(pack: Path) -> None:
    pack.unlink()
    os.mkfifo(pack)


@pytest.mark.parametrize("damage", [cut_in_half, cut_at_its_end, lose_its_footer, become_another, become_nothing, become_a_fifo])
@pytest.mark.parametrize("which", [0, 2])
def test_a_pack_that_cannot_say_what_it_holds(series: Desk, damage: Callable[[Path], None], which: int) -> None:
    pack = packs_of(series)[which]
    damage(pack)

    answer = repair(series)

    assert [one["pack"] for one in answer["quarantined"]] == [pack.stem]
    assert [one.name for one in quarantine_of(series)] == [pack.name]
    if damage in {cut_at_its_end, lose_its_footer}:
        # The old index knew where everything was, and all of it proves.
        assert answer["hurt"] == []
    else:
        assert f"r{which + 1}" in lost_in(answer)
    is_as_said(series, answer)


def test_without_the_old_index_a_pack_without_a_footer_is_lost(series: Desk) -> None:
    lose_its_footer(packs_of(series)[0])
    change_catalog(series, "DELETE FROM index_frames")

    answer = repair(series)

    assert lost_in(answer).keys() == {"r1", "r2", "r3", "r4"}
    is_as_said(series, answer)


def test_an_old_index_that_lies_is_not_believed(series: Desk) -> None:
    lose_its_footer(packs_of(series)[0])
    change_catalog(
        series,
        "UPDATE index_frames SET frame_offset = frame_offset + 1 WHERE pack_number = 0",
        "UPDATE index_files SET chunks = zeroblob(32)",
    )

    answer = repair(series)

    assert "r1" in lost_in(answer)
    is_as_said(series, answer)


def test_a_pack_under_another_name_is_put_aside_and_harms_nothing(series: Desk) -> None:
    before = index_of(series)
    foreign = packs_of(series)[0].with_name("f" * 64 + ".pack")
    right = foreign.parent.parent / "ff" / foreign.name
    right.parent.mkdir(exist_ok=True)
    shutil.copy(packs_of(series)[0], right)
    stray = series.registry / "store/packs/readme.txt"
    stray.write_text("who put this here?")

    answer = repair(series)

    assert [one["pack"] for one in answer["quarantined"]] == ["f" * 64]
    assert answer["hurt"] == []
    assert any("readme.txt" in note for note in answer["notes"])
    assert stray.exists()
    assert index_of(series) == before


def test_a_good_copy_elsewhere_serves(series: Desk) -> None:
    """All that a damaged pack held stands in another pack, too: nothing is lost, and nothing has to be saved."""
    pack = packs_of(series)[0]
    whole = pack.read_bytes()
    change_catalog(series, "DELETE FROM index_packs", "DELETE FROM index_chunks", "DELETE FROM index_files", "DELETE FROM index_frames")
    copy = append_nothing(whole)
    name = blake3(copy).hexdigest()
    place = series.registry / f"store/packs/{name[:2]}/{name}.pack"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(copy)
    flip(pack, 2_000)

    answer = repair(series)

    assert (answer["hurt"], [one["saved"] for one in answer["quarantined"]]) == ([], [0])
    is_as_said(series, answer)


def append_nothing(pack: bytes) -> bytes:
    """Return a pack of the same chunks and files under another name: its labels are gone."""
    backend = MemoryBackend()
    pack_id = PackId(blake3(pack).digest())
    backend.put(pack_name(pack_id), [pack])
    contents = replace(read_footer(backend, pack_id), labels={})
    builder = PackBuilder()
    for places in places_by_frame(contents).values():
        frame = places[0].frame
        encoded = pack[frame.offset : frame.offset + frame.length]
        written = Written(frame.encoding, (encoded,), frame.base, frame.context, frame.depth)
        builder.add_frame(written, frame.raw_length, [(one.chunk, one.length) for one in places])
    for digest, file in contents.files.items():
        builder.add_file(digest, file)
    return b"".join(builder.seal()[1])


def test_a_quarantine_keeps_every_version(series: Desk) -> None:
    first = packs_of(series)[3]
    whole = first.read_bytes()
    flip(first, 100)
    repair(series)
    first.parent.mkdir(exist_ok=True)
    first.write_bytes(whole[:-5])
    repair(series)

    assert [one.name for one in quarantine_of(series)] == [first.name.replace(".pack", ".1.pack"), first.name]


def test_a_pack_that_is_put_back_heals(series: Desk) -> None:
    pack = packs_of(series)[0]
    whole = pack.read_bytes()
    cut_in_half(pack)
    assert repair(series)["hurt"]
    pack.write_bytes(whole)

    answer = repair(series)

    assert (answer["hurt"], answer["quarantined"]) == ([], [])
    is_as_said(series, answer)


def test_every_place_of_a_pack(series: Desk) -> None:
    pack = packs_of(series)[2]
    whole = pack.read_bytes()
    rows = rows_of(series, "SELECT count(*) FROM index_chunks")[0][0]
    for place in range(0, len(whole), len(whole) // 12):
        flip(pack, place)
        answer = repair(series)
        assert len(answer["quarantined"]) == 1
        assert {"r1", "r2"}.isdisjoint(lost_in(answer))
        assert (answer["chunks"] < rows) == bool(answer["hurt"])
        verified = series.run("verify", "--full", "--json").answer
        assert {label for one in verified["problems"] for label in one["releases"]} == set(lost_in(answer))
        pack.parent.mkdir(exist_ok=True)
        pack.write_bytes(whole)
        assert repair(series)["hurt"] == []
