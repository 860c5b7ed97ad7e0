"""PyTorch's zips: real ones, and ones made by hand whose directory, headers or pickle lie. No test needs PyTorch."""

from __future__ import annotations

import io
import pickle
import struct
import time
import zipfile
from pathlib import Path

import pytest

from lastgood.formats.tensors import TensorFile
from lastgood.formats.tensors.storages import find_kinds
from tests.formats.tensors.files import (
    check_promises,
    layout_of,
    peak_of,
    pickle_of,
    problem_of,
    read,
    short,
    storage,
    torch_file,
    zip_file,
)

GOLDEN = Path(__file__).parent / "golden"


def kinds_of(name: str) -> dict[str, tuple[str, tuple[int, ...]]]:
    data = (GOLDEN / name).read_bytes()
    return {name: (dtype, shape) for name, dtype, shape, _, _ in layout_of(data, "torch")}


def plain(data: bytes) -> TensorFile:
    file = read(data)
    assert file is not None
    return file


# ------------------------------------------------------------------------------------------------------ real files


def test_every_record_is_where_python_finds_it() -> None:
    for path in GOLDEN.glob("*.pt"):
        with zipfile.ZipFile(path) as archive:
            members = {one.filename.partition("/")[2]: archive.read(one) for one in archive.infolist()}
        expected = {name: data for name, data in members.items() if name.startswith(("data/", "constants/")) and data}

        assert {name: data for name, _, _, data, _ in layout_of(path.read_bytes(), "torch")} == expected


def test_the_kinds_of_a_training_state() -> None:
    found = kinds_of("training.pt")

    assert len(found) == 24
    assert {dtype for dtype, _ in found.values()} == {"f32"}
    assert [found[f"data/{key}"][1] for key in range(8)] == [(12,), (3,), (3,), (3,), (6,), (2,), (1,), (12,)]


def test_every_kind_that_pytorch_writes() -> None:
    assert kinds_of("kinds.pt") == {
        "data/0": ("bf16", (12,)),
        "data/1": ("f16", (12,)),
        "data/2": ("f64", (12,)),
        "data/3": ("i64", (12,)),
        "data/4": ("i32", (12,)),
        "data/5": ("bool", (12,)),
        "data/6": ("u8", (12,)),
        "data/7": ("c64", (12,)),
        # These have no storage type of their own: the tensor around an untyped storage names them.
        "data/8": ("u16", (12,)),
        "data/9": ("f8_e4m3", (12,)),
        "data/10": ("f8_e4m3", (12,)),
        "data/11": ("f8_e5m2", (12,)),
        "data/13": ("f32", (1,)),
    }


def test_a_later_protocol_of_pickle() -> None:
    assert kinds_of("protocol4.pt") == {"data/0": ("f32", (6,)), "data/1": ("bf16", (3,)), "data/2": ("u32", (3,))}


def test_torchscript_has_constants_as_well() -> None:
    assert kinds_of("script.pt") == {
        "data/0": ("i64", (4,)),
        "data/1": ("f32", (6,)),
        "data/2": ("f32", (2,)),
        "constants/0": ("f32", (2,)),
    }


# --------------------------------------------------------------------------------------------------------- by hand


def test_storages_by_hand() -> None:
    opcodes = pickle_of(storage("HalfStorage", "0", 3), storage("ComplexDoubleStorage", "one", 1), storage("FloatStorage", "2", 2))
    data = torch_file(opcodes, {"0": b"abcdef", "one": bytes(range(16)), "2": b"12345678"})

    assert layout_of(data, "torch") == [
        ("data/0", "f16", (3,), b"abcdef", 2),
        ("data/one", "c128", (1,), bytes(range(16)), 8),
        ("data/2", "f32", (2,), b"12345678", 4),
    ]


@pytest.mark.parametrize(
    "opcodes",
    [
        b"",
        b"not a pickle",
        pickle_of(),
        pickle_of(storage("NeverHeardOfStorage", "0", 2)),
        pickle_of(storage("FloatStorage", "other", 2)),
        pickle_of(b"(" + short("storage") + b"Q"),
        pickle_of(b"Q"),
        pickle_of(b"h\x05Q"),
        pickle_of(b"(" + short("storage") * 5 + b"tQ"),
        pickle_of(b"(" + short("storage") * 40 + b"tQ"),
        pickle_of(b"(" + short("storage") + b"cevil\nFloatStorage\n" + short("0") + short("cpu") + b"K\x02tQ"),
        b"\x80\x02" + b"(" * 1_000,
        b"\x80\x02X\xff\xff\xff\xffabc",
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc",
        b"\x80\x02L" + b"9" * 5_000 + b"L\n.",
        b"\x80\x02F1e\n.",
    ],
    ids=range(16),
)
def test_a_pickle_that_says_nothing_leaves_a_guess(opcodes: bytes) -> None:
    layout = layout_of(torch_file(opcodes, {"0": b"12345678", "1": b"123"}), "torch")

    assert layout == [("data/0", "u8", (8,), b"12345678", 4), ("data/1", "u8", (3,), b"123", 1)]


def test_an_untyped_storage_has_the_kind_that_is_named_next() -> None:
    half, long = b"ctorch\nfloat16\n", b"ctorch\nint64\n"
    untyped = storage("UntypedStorage", "0", 8).replace(b"ctorch\n", b"ctorch.storage\n")

    assert find_kinds(pickle_of(untyped, half, long)) == {"0": "f16"}
    assert find_kinds(pickle_of(half, untyped)) == {}
    assert find_kinds(pickle_of(untyped, storage("IntStorage", "1", 2), half)) == {"1": "i32"}
    assert find_kinds(pickle_of(untyped, b"cnumpy\nfloat16\n")) == {}


def test_a_kind_that_does_not_divide_the_length_leaves_bytes() -> None:
    layout = layout_of(torch_file(pickle_of(storage("FloatStorage", "0", 2)), {"0": b"1234567"}), "torch")

    assert layout == [("data/0", "f32", (1,), b"1234567", 1)]


class Bomb:
    """What nobody should unpickle."""

    def __reduce__(self) -> tuple[object, ...]:
        return exec, ("raise SystemExit('this was run')",)


def test_nothing_in_a_pickle_is_run() -> None:
    data = torch_file(pickle.dumps(Bomb(), protocol=2), {"0": b"1234"})

    assert layout_of(data, "torch") == [("data/0", "u8", (4,), b"1234", 4)]


def test_what_was_said_before_a_pickle_breaks_stands() -> None:
    opcodes = pickle_of(storage("BFloat16Storage", "0", 2))[:-1] + b"\xff\xff"

    assert find_kinds(opcodes) == {"0": "bf16"}


def test_a_long_pickle_is_followed_within_bounds() -> None:
    opcodes = pickle_of(storage("FloatStorage", "0", 2), b"K\x01" * 1_200_000, storage("FloatStorage", "late", 2))
    began = time.perf_counter()
    found = find_kinds(opcodes)

    assert found == {"0": "f32"}
    assert time.perf_counter() - began < 20
    assert find_kinds(pickle_of(storage("FloatStorage", "0", 2)) + bytes(16 << 20)) == {}


def test_the_memo_of_a_pickle_does_not_grow_for_ever() -> None:
    opcodes = pickle_of(*(short(f"{number:06}") + b"r" + struct.pack("<I", number) for number in range(490_000)))
    assert len(opcodes) < 16 << 20

    assert peak_of(lambda: find_kinds(opcodes)) < 50_000_000


def test_encrypted_records_are_no_tensors_and_no_problem() -> None:
    data = patched(WHOLE, entry_of("model/data/0") + 8, b"\x01")

    assert [one[0] for one in layout_of(data, "torch")] == ["data/1"]


def test_compressed_records_are_no_tensors_and_no_problem() -> None:
    members = {"a/data.pkl": pickle_of(), "a/data/0": bytes(100), "a/version": b"3"}

    assert layout_of(zip_file(members, compression=zipfile.ZIP_DEFLATED), "torch") == []


def test_a_root_may_be_missing_and_records_elsewhere_are_not_its() -> None:
    opcodes = pickle_of(storage("HalfStorage", "0", 1))
    data = zip_file({"data.pkl": opcodes, "data/0": b"ab", "version": b"3", "data/sub/1": b"cd"})
    assert [one[:3] for one in layout_of(data, "torch")] == [("data/0", "f16", (1,)), ("data/sub/1", "u8", (2,))]

    data = zip_file({"m/data.pkl": opcodes, "data/0": b"xy", "data/1": b"z", "m/data/0": b"ab", "m/version": b"3"})
    assert [one[3] for one in layout_of(data, "torch")] == [b"ab"]


@pytest.mark.parametrize(
    "members",
    [
        {"word/document.xml": b"<x/>", "[Content_Types].xml": b"<x/>"},
        {"a/b/data.pkl": pickle_of(), "a/b/version": b"3"},
        {"a/data.pkl": pickle_of(), "a/data/0": b"1234"},
        {"a/mydata.pkl": pickle_of(), "a/version": b"3"},
        {},
        {"x.npy": b"", "readme.txt": b""},
    ],
    ids=range(6),
)
def test_an_ordinary_zip_is_no_such_format(members: dict[str, bytes]) -> None:
    assert read(zip_file(members)) is None


# ------------------------------------------------------------------------------------------------- damage and lies

WHOLE = torch_file(pickle_of(storage("FloatStorage", "0", 4), storage("HalfStorage", "1", 2)), {"0": b"0123456789abcdef", "1": b"wxyz"})
DIRECTORY = WHOLE.index(b"PK\x01\x02")


def patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def entry_of(name: str) -> int:
    """Where the directory's entry of a member begins."""
    return WHOLE.index(name.encode(), DIRECTORY) - 46


def header_of(name: str) -> int:
    return WHOLE.index(name.encode()) - 30


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (WHOLE[:-1], "no directory"),
        (WHOLE[:200], "no directory"),
        (patched(WHOLE, DIRECTORY, b"PK\x01\x03"), "damaged"),
        (patched(WHOLE, len(WHOLE) - 12, b"\x04\0"), "fewer members"),
        (patched(WHOLE, len(WHOLE) - 12, b"\x06\0"), "cut short"),
        (patched(WHOLE, len(WHOLE) - 6, b"\xff\xff\0\0"), "before its end"),
        (patched(WHOLE, len(WHOLE) - 18, b"\x01\0"), "before its end"),
        (patched(WHOLE, entry_of("model/data/0") + 20, struct.pack("<2I", 17, 17)), "overlap"),
        (patched(WHOLE, entry_of("model/data/0") + 20, struct.pack("<2I", 15, 16)), "two lengths"),
        (patched(WHOLE, entry_of("model/data/0") + 20, struct.pack("<2I", 0xFFFFFFFF, 16)), "64-bit"),
        (patched(WHOLE, entry_of("model/data/0") + 42, struct.pack("<I", 0)), "overlap"),
        (patched(WHOLE, entry_of("model/data/0") + 46, b"model/data/1"), "two members"),
        (patched(WHOLE, header_of("model/data/0"), b"PK\x03\x05"), "does not agree"),
        (patched(WHOLE, header_of("model/data/0") + 30, b"model/data/9"), "does not agree"),
        (patched(WHOLE, header_of("model/data/0") + 8, b"\x08"), "does not agree"),
        (patched(WHOLE, header_of("model/data/0") + 18, b"\x0f"), "does not agree"),
        (patched(WHOLE, header_of("model/data/1") + 28, b"\xff\x00"), "does not agree"),
        (patched(WHOLE, header_of("model/data/1") + 28, b"\xff\xff"), "does not agree"),
    ],
    ids=range(18),
)
def test_a_zip_that_lies_is_a_problem_in_words(data: bytes, said: str) -> None:
    assert said in problem_of(data, "torch")


def test_every_flipped_byte_is_seen_or_harms_nothing() -> None:
    # The flip is of all bits, then of one: of every byte of headers, pickle, directory and end.
    for mask in (0xFF, 0x01):
        for at in range(len(WHOLE)):
            file = read(patched(WHOLE, at, bytes([WHOLE[at] ^ mask])))
            if file is not None:
                check_promises(file, len(WHOLE))


def test_a_member_is_checked_even_where_its_header_leaves_the_sizes_for_later() -> None:
    data = patched(WHOLE, header_of("model/data/0") + 6, b"\x08")
    data = patched(data, header_of("model/data/0") + 18, bytes(8))

    assert [one[0] for one in layout_of(data, "torch")] == ["data/0", "data/1"]


def test_a_comment_behind_the_directory() -> None:
    file = io.BytesIO(WHOLE)
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = b"made by hand PK\x05\x06" + bytes(30)

    assert [one[0] for one in layout_of(file.getvalue(), "torch")] == ["data/0", "data/1"]


def test_sizes_of_64_bits(tmp_path: Path) -> None:
    # A sparse file of more than 4 GiB, whose directory and headers need the 64-bit extension.
    path = tmp_path / "large.pt"
    big = (4 << 30) + 8
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("m/data.pkl"), pickle_of(storage("FloatStorage", "0", big // 4)))
        archive.writestr(zipfile.ZipInfo("m/version"), b"3")
        start = archive.start_dir
    name = b"m/data/0"
    wide = struct.pack("<2H2Q", 1, 16, big, big)
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 45, 0, 0, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(wide)) + name + wide
    whole = path.read_bytes()
    entry = struct.pack(
        "<4s6H3I5H2I", b"PK\x01\x02", 45, 45, 0, 0, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(wide), 0, 0, 0, 0, start
    )
    directory = whole[start : whole.index(b"PK\x05\x06")] + entry + name + wide
    at = start + len(local) + big
    end = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 3, 3, len(directory), at)
    end += struct.pack("<4sIQI", b"PK\x06\x07", 0, at + len(directory), 1)
    end += struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    with path.open("r+b") as file:
        file.seek(start)
        file.write(local)
        file.seek(at)
        file.write(directory + end)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("m/data/0").file_size == big
    from lastgood.formats.tensors import read_tensors

    with path.open("rb") as file:
        layout = read_tensors(file, path.stat().st_size)

    assert layout is not None
    assert [(one.name, one.offset, one.length, one.shape) for one in layout.tensors] == [("data/0", start + len(local), big, (big // 4,))]


def test_members_that_share_bytes_cannot_multiply_work() -> None:
    count = 120_001
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 10, 10, 5, 0, 0, 0, 0, 0, 0)
    directory = b"".join(entry + b"%05x" % number for number in range(count))
    body = b"PK\x03\x04" + bytes(22) + struct.pack("<2H", 10, 0) + b"a/data.pkl" + bytes(100)
    end = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(directory), len(body))
    end += struct.pack("<4sIQI", b"PK\x06\x07", 0, len(body) + len(directory), 1) + struct.pack("<4s4H2IH", b"PK\x05\x06", *[0] * 7)

    assert "more than 120,000 members" in problem_of(body + directory + end, "torch")
    assert plain(body + directory + end).format == "torch"
