"""Whatever happens to the cache, a checkout is right bit for bit: every test here checks one out and compares it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lastgood.registry import file_copy
from lastgood.registry.checkout_cache import entry as entries
from tests.checkout.shelf import LARGE, LENGTH, Shelf, bytes_of, flip
from tests.parts import need

ONE, OTHER = "models/a.bin", "models/b.bin"


def flipped(shelf: Shelf) -> None:
    flip(shelf.entry(ONE))


def flipped_with_its_time_put_back(shelf: Shelf) -> None:
    before = shelf.entry(ONE).stat()
    flip(shelf.entry(ONE))
    os.utime(shelf.entry(ONE), ns=(before.st_atime_ns, before.st_mtime_ns))


def flipped_without_a_seal(shelf: Shelf) -> None:
    flip(shelf.entry(ONE))
    shelf.seal(ONE).unlink()


def flipped_under_a_torn_seal(shelf: Shelf) -> None:
    flip(shelf.entry(ONE))
    shelf.seal(ONE).write_bytes(shelf.seal(ONE).read_bytes()[:40])


def flipped_under_a_seal_that_is_a_fifo(shelf: Shelf) -> None:
    flip(shelf.entry(ONE))
    shelf.seal(ONE).unlink()
    os.mkfifo(shelf.seal(ONE))


def flipped_under_the_seal_of_another(shelf: Shelf) -> None:
    flip(shelf.entry(ONE))
    shelf.seal(ONE).write_bytes(shelf.seal(OTHER).read_bytes())


def flipped_through_a_mapping(shelf: Shelf) -> None:
    import mmap

    path = shelf.entry(ONE)
    mode = path.stat().st_mode
    path.chmod(0o644)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[9] ^= 1
    path.chmod(mode)


def truncated(shelf: Shelf) -> None:
    os.truncate(shelf.entry(ONE), LENGTH // 3)


def zeros_of_the_right_size(shelf: Shelf) -> None:
    os.truncate(shelf.entry(ONE), 0)
    os.truncate(shelf.entry(ONE), LENGTH)


def longer(shelf: Shelf) -> None:
    with shelf.entry(ONE).open("ab") as file:
        file.write(b"!")


def replaced(shelf: Shelf) -> None:
    shelf.entry(ONE).unlink()
    shelf.entry(ONE).write_bytes(bytes_of(9, 9))
    shelf.entry(ONE).chmod(0o444)


def under_the_name_of_another(shelf: Shelf) -> None:
    aside = shelf.cache / "aside"
    shelf.entry(ONE).rename(aside)
    shelf.entry(OTHER).rename(shelf.entry(ONE))
    aside.rename(shelf.entry(OTHER))


def under_the_name_of_another_with_its_seal(shelf: Shelf) -> None:
    under_the_name_of_another(shelf)
    aside = shelf.cache / "aside"
    shelf.seal(ONE).rename(aside)
    shelf.seal(OTHER).rename(shelf.seal(ONE))
    aside.rename(shelf.seal(OTHER))


def a_link(shelf: Shelf) -> None:
    outside = shelf.root / "outside"
    outside.write_bytes(bytes_of(LARGE[ONE], 1))
    outside.chmod(0o444)
    shelf.entry(ONE).unlink()
    shelf.entry(ONE).symlink_to(outside)


def a_fifo(shelf: Shelf) -> None:
    shelf.entry(ONE).unlink()
    os.mkfifo(shelf.entry(ONE), 0o444)


def gone(shelf: Shelf) -> None:
    shelf.entry(ONE).unlink()


def writable(shelf: Shelf) -> None:
    shelf.entry(ONE).chmod(0o644)


DAMAGE = [
    flipped,
    flipped_with_its_time_put_back,
    flipped_without_a_seal,
    flipped_under_a_torn_seal,
    flipped_under_a_seal_that_is_a_fifo,
    flipped_under_the_seal_of_another,
    flipped_through_a_mapping,
    truncated,
    zeros_of_the_right_size,
    longer,
    replaced,
    under_the_name_of_another,
    under_the_name_of_another_with_its_seal,
    a_link,
    a_fifo,
    gone,
    writable,
]


@pytest.mark.parametrize("link", [False, True], ids=["copies", "links"])
@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_damage_is_not_given_out_and_is_mended(filled: Shelf, damage: Callable[[Shelf], None], link: bool) -> None:
    damage(filled)
    assert filled.checkout(link=link).from_cache < len(LARGE)
    assert filled.checkout(link=link).from_cache == len(LARGE)


def test_a_folder_in_the_place_of_a_file(filled: Shelf) -> None:
    filled.entry(ONE).unlink()
    filled.entry(ONE).mkdir()
    assert [filled.checkout().from_cache for _ in range(2)] == [len(LARGE) - 1] * 2


@pytest.mark.parametrize("what", ["link", "file", "fifo"])
def test_something_else_in_the_place_of_the_cache(shelf: Shelf, tmp_path: Path, what: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    match what:
        case "link":
            shelf.cache.symlink_to(elsewhere)
        case "file":
            shelf.cache.write_text("mine")
        case _:
            os.mkfifo(shelf.cache)
    assert [shelf.checkout().from_cache for _ in range(2)] == [0, 0]
    assert not list(elsewhere.iterdir())
    assert not shelf.cache.is_dir() or shelf.cache.is_symlink()


def test_bits_that_the_disk_forgot_are_found_when_asked_for(filled: Shelf) -> None:
    flip(filled.entry(ONE))
    filled.reseal(ONE)  # Nothing but the bytes shows what happened, as when a disk forgets.
    with pytest.raises(AssertionError, match=r"models/a\.bin is wrong"):
        filled.checkout()
    assert filled.checkout(verify=True).from_cache == len(LARGE) - 1
    assert filled.checkout().from_cache == len(LARGE)


def test_bits_that_the_disk_forgot_are_found_after_a_month(filled: Shelf) -> None:
    flip(filled.entry(ONE))
    month = 31 * 86_400 * 1_000_000_000
    filled.reseal(ONE, checked=filled.entry(ONE).stat().st_ctime_ns - month)
    assert filled.checkout().from_cache == len(LARGE) - 1


def test_bits_that_a_power_cut_took_are_found(filled: Shelf) -> None:
    flip(filled.entry(ONE))
    filled.reseal(ONE, mount=1)  # As a seal that was made before the disk was mounted again.
    assert filled.checkout().from_cache == len(LARGE) - 1


def test_what_is_right_on_another_mount_is_hashed_once(filled: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in LARGE:
        filled.reseal(path, mount=1)
    hashed = []
    real = entries.Entry._has_its_digest

    def noted(entry: entries.Entry) -> bool:
        hashed.append(entry._name)
        return real(entry)

    monkeypatch.setattr(entries.Entry, "_has_its_digest", noted)
    assert [filled.checkout().from_cache for _ in range(2)] == [len(LARGE)] * 2
    assert sorted(hashed) == sorted(filled.names())


def test_somebody_elses_file_is_hashed_whatever_its_seal_says(filled: Shelf) -> None:
    need(os.geteuid() == 0, "the right to give files away (root)")
    flip(filled.entry(ONE))
    os.chown(filled.entry(ONE), 12_345, -1)
    filled.reseal(ONE)
    assert filled.checkout().from_cache == len(LARGE) - 1


def test_a_seal_that_somebody_else_made_does_not_count(filled: Shelf) -> None:
    need(os.geteuid() == 0, "the right to give files away (root)")
    flip(filled.entry(ONE))
    filled.reseal(ONE)
    os.chown(filled.seal(ONE), 12_345, -1)
    assert filled.checkout().from_cache == len(LARGE) - 1


def interrupted(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None]) -> None:
    """Have something done between the check of a file and the end of its copy."""
    real = file_copy.copy_whole

    def copy(*arguments: object) -> None:
        meanwhile()
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(entries, "copy_whole", copy)


def test_a_file_that_is_let_go_while_it_is_copied(filled: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def let_go() -> None:
        for one in filled.cache.iterdir():
            one.unlink()

    interrupted(monkeypatch, let_go)
    assert filled.checkout().from_cache == 1


def test_a_file_that_is_replaced_while_it_is_copied(filled: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(monkeypatch, lambda: replaced(filled))
    assert filled.checkout().from_cache == len(LARGE)


def test_a_file_that_is_written_while_it_is_copied(filled: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def write() -> None:
        for path in LARGE:
            if filled.entry(path).exists():
                flip(filled.entry(path))

    interrupted(monkeypatch, write)
    assert filled.checkout().from_cache == 0
