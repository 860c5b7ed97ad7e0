"""What a file of an artifact is for, by its name, as the libraries that load it know it.

role         files
tokenizer    `tokenizer.json`, `vocab.json`, `vocab.txt`, `merges.txt`, `added_tokens.json`
adapter      `adapter_config.json`
config       whatever has the name of a config: `config.json`, `generation_config.json`, `*.yaml`
index        `*.index.json`: which shard holds which tensor, which the tensors themselves say
text         templates, code, and other texts that act on answers: `chat_template.jinja`, `*.py`
document     what acts on none: readme, licence, notice, `*.md`, `.gitattributes`
tensors      everything else: its bytes say what it is

>>> role_of("models/llm/generation_config.json"), role_of("models/llm/LICENSE.txt"), role_of("models/llm/model.bin")
(<Role.CONFIG: 'config'>, <Role.DOCUMENT: 'document'>, <Role.TENSORS: 'tensors'>)
"""

from __future__ import annotations

from enum import StrEnum

from lastgood.compare.artifacts import adapters, vocabularies
from lastgood.formats.configs import config_format


class Role(StrEnum):
    """What a file is for."""

    TOKENIZER = "tokenizer"
    ADAPTER = "adapter"
    CONFIG = "config"
    INDEX = "index"
    TEXT = "text"
    DOCUMENT = "document"
    TENSORS = "tensors"


_DOCUMENTS = ("readme", "license", "licence", "notice", "copying", "authors", "changelog", "citation", ".gitattributes", ".gitignore")
_TEXTS = frozenset({"txt", "jinja", "jinja2", "j2", "tmpl", "py", "csv", "tsv"})
_EXPECTED = {"safetensors": "safetensors", "gguf": "GGUF", "npy": "NumPy", "npz": "NumPy", "onnx": "ONNX"}


def role_of(path: str) -> Role:
    """Return what a file is for."""
    name = path.rpartition("/")[2].lower()
    if name in vocabularies.NAMES:
        return Role.TOKENIZER
    if name == adapters.NAME:
        return Role.ADAPTER
    if name.endswith(".index.json"):
        return Role.INDEX
    if name.startswith(_DOCUMENTS) or name.endswith((".md", ".rst")):
        return Role.DOCUMENT
    if config_format(path) is not None:
        return Role.CONFIG
    return Role.TEXT if name.rpartition(".")[2] in _TEXTS and "." in name else Role.TENSORS


def expected_format(path: str) -> str:
    """Return the format with tensors that a name promises; empty where it promises none."""
    return _EXPECTED.get(path.lower().rpartition(".")[2], "")
