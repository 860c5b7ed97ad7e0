"""How the origins of many tensors are said in few words: `layers 4-5: r12; all others: r3`.

Rules: a layer is of the newest release that changed one of its tensors; releases come newest first; what most tensors have in
common is "all others", if there is anything else to tell, and "all tensors" otherwise.

    >>> names = [f"encoder.layer.{number}.weight" for number in range(6)] + ["embeddings.weight"]
    >>> say_layers([(name, 12 if "4" in name or "5" in name else 3) for name in names])
    [('layers 4-5', 12), ('all others', 3)]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from lastgood.compare.blame_tensors import layer_of

_MOST_NAMED = 3


def say_layers(tensors: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Sum up which release the tensors of a file come from.

    Args:
        tensors: the name of each, and the number of its release.
    """
    numbers = Counter(number for _, number in tensors)
    if len(numbers) == 1:
        return [(f"all tensors ({len(tensors):,})", number) for number in numbers]
    layers: dict[tuple[str, int], int] = {}
    single: dict[str, int] = {}
    for name, number in tensors:
        layer = layer_of(name)
        if layer is None:
            single[name] = number
        else:
            layers[layer] = max(number, layers.get(layer, 0))
    groups = Counter(number for found in (layers.values(), single.values()) for number in found)
    rest = max(groups, key=lambda number: (groups[number], -number))
    several = len({prefix for prefix, _ in layers}) > 1
    said = [
        (
            _say(
                [layer for layer, one in layers.items() if one == number], [name for name, one in single.items() if one == number], several
            ),
            number,
        )
        for number in sorted(groups, reverse=True)
        if number != rest
    ]
    return [*said, ("all others", rest)]


def _say(layers: Sequence[tuple[str, int]], names: Sequence[str], several: bool) -> str:  # noqa: FBT001 - named by its only caller
    by_prefix: dict[str, list[int]] = {}
    for prefix, number in layers:
        by_prefix.setdefault(prefix, []).append(number)
    said = [
        f"layer{'s' if len(numbers) > 1 else ''} {_ranges(sorted(numbers))}{f' of {prefix}' if several else ''}"
        for prefix, numbers in by_prefix.items()
    ]
    more = len(names) - _MOST_NAMED
    return ", ".join([*said, *names[:_MOST_NAMED], *([f"{more:,} more tensors"] if more > 0 else [])])


def _ranges(numbers: Iterable[int]) -> str:
    """Write rising numbers as runs: `0, 4-5`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)
