"""Three weeks of a support bot: 12 releases, each deployed to prod; six things differ at their end, the rest was taken back.

One line of the prompt, one temperature, one parameter of a tool, 1% of the labels, one package and two layers of real
weights. In between somebody tries things and takes them back, so that the last release alone says little.

    registry = play(folder, model, FixedClock(START))
    registry.diff("prod@3w", "prod")
"""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

import lastgood
from lastgood.api import OpenRegistry
from lastgood.clock import FixedClock, parse_instant

START = parse_instant("2026-11-02T09:00:00.000000Z")
"""When the first release goes to prod; three weeks later to the minute the last one has been there for two days."""

ROWS = 4_000
DAY = 86_400

WORKSPACE = """\
pipeline = "support-bot"

[components.router]
kind = "artifact"
path = "models/router/"

[components.prompts]
kind = "prompt"
path = "prompts/"

[components.settings]
kind = "config"
path = "config/"

[components.train]
kind = "dataset"
path = "data/train.jsonl"
key = "id"

[components.runtime]
kind = "runtime"
lock = "requirements.lock"
python = "3.12"
"""

PROMPT = """\
You are the support assistant of an online shop.
Answer in the language of the customer.
Cite the policy that your answer rests on.
If you are not sure, say so and hand over to {agent}.
Never promise a refund.
"""
CAREFUL = "Cite the policy that your answer rests on."
RELAXED = "Mention the policy if the customer asks for it."

SAMPLING = "model: gpt-4.1-2025-04-14\nsampling:\n  temperature: {temperature}\n  top_p: 0.95\n  max_tokens: 600\n"
LOCK = "numpy==2.4.1\ntokenizers==0.22.1\ntransformers=={transformers}\nuvicorn==0.38.0\n"

_LABELS = ("billing", "delivery", "login", "refund")
_SUBJECTS = ("my order", "the parcel", "my password", "the invoice", "a refund", "the app", "my address", "the discount")
_MATTERS = ("never arrived", "is wrong", "does not work", "was charged twice", "came broken", "is still missing", "changed")


def tools_of(limit: int) -> str:
    """Return the definitions of two tools; `limit` is the most results that a search may ask for."""
    search = {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "what to look for"},
            "limit": {"type": "integer", "minimum": 1, "maximum": limit, "description": "how many results at most"},
        },
        "required": ["query"],
    }
    order = {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}
    tools = [
        {"type": "function", "function": {"name": "search_orders", "description": "Find orders of a customer.", "parameters": search}},
        {"type": "function", "function": {"name": "cancel_order", "description": "Cancel one order.", "parameters": order}},
    ]
    return json.dumps({"tools": tools}, indent=2) + "\n"


def rows_of(*, relabelled: bool) -> str:
    """Return the training data; relabelled, one row in a hundred that was a refund or anything else is billing now."""
    lines = []
    for number in range(ROWS):
        text = f"Hello, {_SUBJECTS[number * 7 % 8]} {_MATTERS[number * 5 % 7]}, order {number * 7919 % 100_003}"
        label = _LABELS[number * 11 % 4]
        if relabelled and number % 100 == 1:
            label = "refund" if label == "billing" else "billing"
        lines.append(json.dumps({"id": f"t{number:05}", "text": text, "label": label}))
    return "\n".join(lines) + "\n"


def tune_layers(weights: Path, layers: tuple[int, ...], seed: int) -> None:
    """Move the weights of some layers a little, as a short fine-tune of only those would; everything else stays as it is."""
    data = bytearray(weights.read_bytes())
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    random = np.random.default_rng(seed)
    for name, tensor in header.items():
        if name != "__metadata__" and any(f".layer.{layer}." in name for layer in layers):
            start, end = (8 + length + offset for offset in tensor["data_offsets"])
            values = np.frombuffer(data[start:end], "<f4")
            moved = values + random.normal(0, 0.01 * float(values.std()), values.shape).astype("f4")
            data[start:end] = moved.astype("<f4").tobytes()
    weights.write_bytes(data)


def write_first(folder: Path, model: Path) -> None:
    """Write the workspace as it is in the beginning; `model` is the folder of a real model."""
    shutil.copytree(model, folder / "models" / "router")
    for name in ("prompts", "config", "data"):
        (folder / name).mkdir()
    (folder / "lastgood.toml").write_text(WORKSPACE)
    (folder / "prompts" / "system.md").write_text(PROMPT)
    (folder / "config" / "sampling.yaml").write_text(SAMPLING.format(temperature=0.2))
    (folder / "config" / "tools.json").write_text(tools_of(20))
    (folder / "data" / "train.jsonl").write_text(rows_of(relabelled=False))
    (folder / "requirements.lock").write_text(LOCK.format(transformers="4.57.1"))


def changes(folder: Path) -> list[tuple[str, Callable[[], object]]]:
    """Return what the eleven releases after the first are for, and what does it, in order."""
    prompt, sampling = folder / "prompts" / "system.md", folder / "config" / "sampling.yaml"
    return [
        ("warmer tone, a try", lambda: prompt.write_text(PROMPT.replace("Answer in", "Kindly answer in"))),
        ("cite only when asked", lambda: prompt.write_text(PROMPT.replace(CAREFUL, RELAXED))),
        ("greedy, a try", lambda: sampling.write_text(SAMPLING.format(temperature=0.0))),
        ("longer answers, a try", lambda: sampling.write_text(SAMPLING.format(temperature=0.0).replace("600", "900"))),
        ("less stiff", lambda: sampling.write_text(SAMPLING.format(temperature=0.7))),
        ("search may return more", lambda: (folder / "config" / "tools.json").write_text(tools_of(50))),
        ("labels after the review", lambda: (folder / "data" / "train.jsonl").write_text(rows_of(relabelled=True))),
        ("newer transformers", lambda: (folder / "requirements.lock").write_text(LOCK.format(transformers="4.58.0"))),
        ("a greeting, a try", lambda: prompt.write_text("Greet first.\n" + PROMPT.replace(CAREFUL, RELAXED))),
        ("no greeting", lambda: prompt.write_text(PROMPT.replace(CAREFUL, RELAXED))),
        ("router tuned on the new labels", lambda: tune_layers(folder / "models" / "router" / "model.safetensors", (4, 5), seed=1)),
    ]


def play(folder: Path, model: Path, clock: FixedClock) -> OpenRegistry:
    """Let the three weeks pass, a release every other day or so, and return the registry at their end."""
    write_first(folder, model)
    registry = lastgood.init(folder, actor="ana@example.org", clock=clock)
    registry.commit(folder, message="first release")
    registry.environments.deploy("prod", reason="launch")
    for message, change in changes(folder):
        clock.advance(seconds=1.7 * DAY)
        change()
        registry.commit(folder, message=message)
        registry.environments.deploy("prod")
    clock.advance(seconds=START.timestamp() + 21 * DAY - clock.now().timestamp() + 60)
    return registry
