"""Which kind of items each storage of a PyTorch file holds, by the opcodes of its pickle, followed as data.

PyTorch pickles a storage as a persistent id: the tuple `("storage", torch.FloatStorage, key, location, items)`. The opcodes
are listed by `pickletools`, which builds nothing; here a few of them are followed: texts, numbers, names of globals, what
is put aside and fetched again, and the tuple before a persistent id. Nothing is imported, called or built, whatever the
pickle says; what cannot be followed leaves a storage without a kind.

A storage without a type of its own (`UntypedStorage`) has the kind that the tensor around it names next. A tensor is built
by a function of PyTorch whose name begins with `_rebuild`; a text right before it is the tensor's key in a state dict, and
the name of the storage that is read next.

    >>> import pickle
    >>> find_kinds(pickle.dumps(["no", "storage"]))
    {}
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

LONGEST_PICKLE = 16 << 20
"""How many bytes a pickle may have; of a longer one nothing is known. A thousand tensors take some 200,000."""

MOST_OPCODES = 1_000_000
"""How many opcodes are followed; what comes later has no kind."""

_MOST_REMEMBERED = 200_000
_LONGEST_TEXT = 128
_TUPLE = 5

_TYPES = {
    "DoubleStorage": "f64",
    "FloatStorage": "f32",
    "HalfStorage": "f16",
    "BFloat16Storage": "bf16",
    "LongStorage": "i64",
    "IntStorage": "i32",
    "ShortStorage": "i16",
    "CharStorage": "i8",
    "ByteStorage": "u8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "c64",
    "ComplexDoubleStorage": "c128",
    "QInt8Storage": "i8",
    "QUInt8Storage": "u8",
    "QInt32Storage": "i32",
    "QUInt4x2Storage": "u8",
    "QUInt2x4Storage": "u8",
}
_DTYPES = {
    "float64": "f64",
    "float32": "f32",
    "float16": "f16",
    "bfloat16": "bf16",
    "int64": "i64",
    "int32": "i32",
    "int16": "i16",
    "int8": "i8",
    "uint64": "u64",
    "uint32": "u32",
    "uint16": "u16",
    "uint8": "u8",
    "bool": "bool",
    "complex32": "c32",
    "complex64": "c64",
    "complex128": "c128",
    "float8_e4m3fn": "f8_e4m3",
    "float8_e4m3fnuz": "f8_e4m3fnuz",
    "float8_e5m2": "f8_e5m2",
    "float8_e5m2fnuz": "f8_e5m2fnuz",
    "float8_e8m0fnu": "f8_e8m0",
    "float4_e2m1fn_x2": "f4",
}
_REBUILD = "_rebuild"
_TEXTS = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"}
_NUMBERS = {"BININT", "BININT1", "BININT2", "LONG1", "LONG4", "INT", "LONG"}
_PUTS = {"BINPUT", "LONG_BINPUT", "PUT"}
_GETS = {"BINGET", "LONG_BINGET", "GET"}


@dataclass(frozen=True, slots=True)
class _Global:
    """The name of something that a pickle would import."""

    module: str
    name: str


_Value = str | int | _Global | tuple["_Value", ...] | None
"""What is known of a value: None if nothing is."""


def find_kinds(data: bytes) -> dict[str, str]:
    """Return the kind of each storage whose kind is known, by the storage's key; as far as the pickle can be followed."""
    return _follow(data).kinds


def find_names(data: bytes) -> dict[str, str]:
    """Return the names of the tensors that lie in storages, by the storage's key; a name that several have is none."""
    found = _follow(data).names
    counts = Counter(found.values())
    return {key: name for key, name in found.items() if counts[name] == 1}


def _follow(data: bytes) -> _Follower:
    # Only this format needs it, and it takes milliseconds.
    import pickletools  # noqa: PLC0415

    follower = _Follower()
    if len(data) > LONGEST_PICKLE:
        return follower
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if count == MOST_OPCODES:
                break
            follower.follow(opcode.name, argument)
    except (ValueError, OverflowError, struct.error):
        # It is damaged from here on; what was said before stands.
        pass
    return follower


@dataclass(slots=True)
class _Follower:
    """What is known half-way through a pickle."""

    kinds: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    _memo: dict[int, _Value] = field(default_factory=dict)
    _memo_length: int = 0
    _recent: list[_Value] = field(default_factory=list)
    _untyped: str | None = None
    _name: str | None = None

    def follow(self, name: str, argument: object) -> None:
        if name in _TEXTS or name in _NUMBERS:
            self._push(_small(argument))
        elif name == "GLOBAL":
            module, _, attribute = str(argument).partition(" ")
            self._push(_Global(module, attribute) if len(str(argument)) <= 2 * _LONGEST_TEXT else None)
        elif name == "STACK_GLOBAL":
            named = _named(self._recent[-2:])
            del self._recent[-2:]
            self._push(named)
        elif name == "MARK":
            self._recent.clear()
        elif name == "TUPLE":
            self._push(tuple(self._recent) if len(self._recent) == _TUPLE else None)
        elif name == "BINPERSID":
            self._take_storage(self._recent[-1] if self._recent else None)
            self._push(None)
        elif not self._follow_memo(name, argument):
            self._push(None)

    def _follow_memo(self, name: str, argument: object) -> bool:
        if name in _GETS and isinstance(argument, int):
            self._push(self._memo.get(argument))
            return True
        if name == "MEMOIZE":
            argument = self._memo_length
        elif name not in _PUTS:
            return False
        self._memo_length += 1
        value = self._recent[-1] if self._recent else None
        if isinstance(argument, int) and value is not None and len(self._memo) < _MOST_REMEMBERED:
            self._memo[argument] = value
        return True

    def _push(self, value: _Value) -> None:
        if isinstance(value, _Global) and self._untyped is not None and value.module == "torch" and value.name in _DTYPES:
            self.kinds[self._untyped] = _DTYPES[value.name]
            self._untyped = None
        if isinstance(value, _Global) and value.name.startswith(_REBUILD) and self._recent and isinstance(self._recent[-1], str):
            self._name = self._recent[-1]
        self._recent.append(value)
        # A storage's tuple is the longest run of values that is of use.
        del self._recent[: -_TUPLE - 1]

    def _take_storage(self, value: _Value) -> None:
        self._untyped = None
        if not isinstance(value, tuple) or len(value) != _TUPLE:
            return
        word, kind, key = value[:3]
        if word != "storage" or not isinstance(kind, _Global) or not isinstance(key, str):
            return
        if self._name is not None:
            self.names.setdefault(key, self._name)
        self._name = None
        if kind.name == "UntypedStorage":
            self._untyped = key
        elif kind.module.startswith("torch") and kind.name in _TYPES:
            self.kinds[key] = _TYPES[kind.name]


def _small(value: object) -> _Value:
    if isinstance(value, str) and len(value) <= _LONGEST_TEXT:
        return value
    return value if isinstance(value, int) and abs(value) < 1 << 63 else None


def _named(values: Iterable[_Value]) -> _Value:
    module, name = [*values, None, None][:2]
    return _Global(module, name) if isinstance(module, str) and isinstance(name, str) else None
