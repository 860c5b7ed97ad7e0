"""Which layer of a model a tensor belongs to, by its name: the first whole number that is a part of it.

Rules, in the order in which they are tried, on the parts of a name between dots or slashes:

    part of a name                                            belongs to
    a number (`encoder.layer.4.attention.query.weight`)       that layer of what stands before it: `encoder.layer`
    a word for a layer with a number (`encoder/layer_4/…`)    likewise
    a word for embeddings (`wte`, `token_embd`)               the embeddings
    a word for a head (`classifier`, `lm_head`)               the classifier head, the output head
    none of these                                             the module: the name without its last part

What stands before the number is a *stack*. The model's *layers* are those of the stacks that are called by a word for
layers (`layer`, `blocks`, `h`, …), or else those of its only stack; where there are several such stacks, as an encoder's
and a decoder's, a layer is named with its stack. What is numbered beside them (`classifier.0`) is a part like any other.
A storage of a PyTorch file that has nothing but a number for a name belongs to no layer.

    >>> group = group_of("encoder.layer.4.attention.query.weight")
    >>> group.stack, group.number
    ('encoder.layer', 4)
    >>> Naming([group]).name(group), group_of("bert.embeddings.LayerNorm.bias").module
    ('layer 4', 'embeddings')
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_SPLIT = re.compile(r"[./]")
_LAYER_WORDS = frozenset(
    "layer layers block blocks h blk resblock resblocks transformer_blocks encoder_layers decoder_layers layer_group".split()
)
_NUMBERED = re.compile(r"(layers?|blocks?|h|blk)_(\d{1,6})")
_EMBEDDINGS = frozenset(
    "embeddings embedding embed embed_tokens embed_positions wte wpe token_embd position_embd token_types shared "
    "word_embeddings position_embeddings patch_embed patch_embedding".split()
)
_HEADS = {
    "classifier": "classifier head",
    "score": "classifier head",
    "qa_outputs": "classifier head",
    "cls": "classifier head",
    "classification_head": "classifier head",
    "lm_head": "output head",
    "embed_out": "output head",
}
_LAST_NORMS = frozenset("model.norm transformer.ln_f ln_f norm output_norm final_layer_norm model.final_layernorm".split())
_LORA = re.compile(r"\.lora_(?:A|B|embedding_A|embedding_B|magnitude_vector)\b|\.lora_(?:up|down)\.")
_WITH_ARTICLE = frozenset({*_HEADS.values(), "final norm"})
_LONGEST_NUMBER = 6


@dataclass(frozen=True, slots=True)
class Group:
    """What a tensor belongs to: a layer of a stack, or a module."""

    stack: str = ""
    number: int | None = None
    module: str = ""


def group_of(name: str) -> Group:
    """Return what a tensor of this name belongs to."""
    parts = _SPLIT.split(name)
    for place, part in enumerate(parts):
        if part.isascii() and part.isdigit() and len(part) <= _LONGEST_NUMBER:
            return Group(".".join(parts[:place]), int(part))
        numbered = _NUMBERED.fullmatch(part)
        if numbered is not None:
            return Group(".".join([*parts[:place], numbered[1]]), int(numbered[2]))
    return Group(module=_module_of(parts))


def _module_of(parts: Sequence[str]) -> str:
    for part in parts:
        if part in _EMBEDDINGS:
            return "embeddings"
        if part in _HEADS:
            return _HEADS[part]
    module = ".".join(parts[:-1])
    if module in _LAST_NORMS:
        return "final norm"
    # GGUF calls the output head by one word.
    return "output head" if module == "output" else module or parts[-1]


def is_lora(name: str) -> bool:
    """Say whether a tensor is one of the matrices of a LoRA adapter."""
    return _LORA.search(name) is not None


class Naming:
    """How the groups of one model are called.

    Args:
        groups: all of them.
    """

    def __init__(self, groups: Iterable[Group]) -> None:
        self.groups = frozenset(groups)
        stacks = {group.stack for group in self.groups if group.number is not None}
        called = {stack for stack in stacks if stack.rpartition(".")[2] in _LAYER_WORDS}
        self._stacks = called or (stacks if len(stacks) == 1 else set())

    def is_layer(self, group: Group) -> bool:
        """Say whether a group is one of the model's layers."""
        return group.number is not None and group.stack in self._stacks

    @property
    def layers(self) -> int:
        """How many layers the model has."""
        return sum(map(self.is_layer, self.groups))

    def name(self, group: Group) -> str:
        """Return a group's name, as it stands in a sentence: `layer 4`, `layer 4 of decoder.block`, `embeddings`."""
        if self.is_layer(group):
            return f"layer {group.number}{self._of(group.stack)}"
        if group.number is None:
            return group.module
        return f"{group.stack}.{group.number}" if group.stack else f"{group.number}"

    def layers_of(self, groups: Iterable[Group]) -> list[str]:
        """Name the layers among groups, those of a stack together: `layers 4 and 5`."""
        numbers: dict[str, list[int]] = defaultdict(list)
        for group in set(groups):
            if group.number is not None and self.is_layer(group):
                numbers[group.stack].append(group.number)
        return [
            f"layer{'s' if len(found) > 1 else ''} {listed(_ranges(sorted(found)))}{self._of(stack)}"
            for stack, found in sorted(numbers.items())
        ]

    def parts_of(self, groups: Iterable[Group], most: int) -> list[str]:
        """Name what is no layer among groups: `the classifier head`; if there are more than so many, their number."""
        names = sorted({self.name(group) for group in groups if not self.is_layer(group)})
        if len(names) > most:
            return [f"{len(names):,} other parts"]
        return [f"the {name}" if name in _WITH_ARTICLE else name for name in names]

    def _of(self, stack: str) -> str:
        return f" of {stack}" if len(self._stacks) > 1 else ""


def _ranges(numbers: Sequence[int]) -> list[str]:
    """Write sorted numbers, three and more in a row as a range."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] + 1 == number:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [text for run in runs for text in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else map(str, run))]  # noqa: PLR2004


def listed(texts: Sequence[str]) -> str:
    """Join texts as people list them: `4, 5 and 9`."""
    return " and ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))
