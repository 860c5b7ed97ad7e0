"""A support bot whose prompt, config, weights and data changed hands for two months, at times of our choosing.

history = History.begin(folder)
history.commit("ben", "warmer tone", {"prompts/system.md": "Be kind."})
history.deploy("prod")
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import lastgood
from lastgood.clock import FixedClock, parse_instant
from lastgood.registry.commit import CommitOptions
from tests.cli.commands import Desk
from tests.formats.tensors.files import safetensors_file

WORKSPACE = """\
pipeline = "support-bot"

[components.prompts]
kind = "prompt"
path = "prompts/"

[components.routing]
kind = "config"
path = "config/"

[components.router]
kind = "artifact"
path = "models/"

[components.train]
kind = "dataset"
path = "data/train.jsonl"
key = "id"

[components.llm]
kind = "hosted"
provider = "openai"
model = "gpt-4.1"
"""
SYSTEM = ["You answer questions of customers.", "Cite the policy.", "Never promise a refund.", "Be brief."]


def text(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def weights(**changed: int) -> bytes:
    """Write a model of six layers, each filled with its number unless another one is given."""
    fill = {f"encoder.layer.{number}.weight": number for number in range(6)} | {"embeddings.weight": 9}
    fill |= {name.replace("layer", "encoder.layer.") + ".weight": value for name, value in changed.items()}
    return safetensors_file({name: ("F32", (9_000,), bytes([value]) * 36_000) for name, value in fill.items()})


def rows(*labels: str) -> str:
    return "".join(f'{{"id": "t-{number}", "text": "question {number}", "label": "{label}"}}\n' for number, label in enumerate(labels))


@dataclass(frozen=True)
class History:
    """A workspace whose clock we set."""

    desk: Desk
    clock: FixedClock

    @classmethod
    def begin(cls, root: Path) -> History:
        """Make a workspace and its registry."""
        desk = Desk(root)
        desk.write("lastgood.toml", WORKSPACE)
        desk.write("prompts/system.md", text(*SYSTEM))
        desk.write("config/routing.yaml", "sampling:\n  temperature: 0.2\n  top_p: 0.9\n")
        desk.write("models/router.safetensors", weights())
        desk.write("data/train.jsonl", rows("refund", "order", "other"))
        history = cls(desk, FixedClock(parse_instant("2026-10-01T09:00:00.000000Z")))
        lastgood.init(root, actor="anna", clock=history.clock).close()
        return history

    def commit(self, who: str, message: str, files: dict[str, str | bytes | None], *, days: float = 7) -> int:
        """Write files, or remove them, and commit some days later; return the number of the release."""
        for path, content in files.items():
            if content is None:
                (self.desk.root / path).unlink()
            else:
                self.desk.write(path, content)
        self.clock.advance(seconds=days * 86_400)
        with lastgood.open(self.desk.root, actor=who, clock=self.clock) as registry:
            return registry.commit(self.desk.root, CommitOptions(message=message)).release.number

    def deploy(self, environment: str, revision: str = "latest", *, who: str = "carla") -> None:
        """Deploy an hour later."""
        self.clock.advance(seconds=3_600)
        with lastgood.open(self.desk.root, actor=who, clock=self.clock) as registry:
            registry.environments.deploy(environment, revision)


def two_months(root: Path) -> History:
    """Make seven releases; r2 and r5 were deployed to prod, r3 to staging."""
    history = History.begin(root)
    history.commit("anna", "first", {}, days=0)
    history.commit("ben", "kinder", {"prompts/system.md": text(*SYSTEM[:3], "Be kind and brief.")})
    history.deploy("prod")
    history.commit("anna", "hotter", {"config/routing.yaml": "sampling:\n  temperature: 0.9\n  top_p: 0.9\n"})
    history.deploy("staging")
    moved = text(*SYSTEM[:3], "Be kind and brief.")
    history.commit("ben", "a better name", {"prompts/system.md": None, "prompts/support.md": moved})
    edited = text(SYSTEM[0], "Cite the policy, with its section.", SYSTEM[2], "Be kind and brief.")
    history.commit("dora", "another name, and sections", {"prompts/support.md": None, "prompts/helpdesk.md": edited})
    history.deploy("prod", who="ben")
    instructions = WORKSPACE.replace("components.prompts", "components.instructions")
    history.commit("anna", "prompts are instructions", {"lastgood.toml": instructions})
    changed: dict[str, str | bytes | None] = {
        "models/router.safetensors": weights(layer4=40, layer5=50),
        "data/train.jsonl": rows("refund", "delivery", "other"),
    }
    history.commit("anna", "trained anew", changed)
    return history
