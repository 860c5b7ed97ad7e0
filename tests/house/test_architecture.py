"""The architecture page is true: its figure is the contract, its walks exist and never go up a floor."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "lastgood"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
CONTRACT = next(
    one for one in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"] if one["type"] == "layers"
)
_LAYERS = [re.findall(r"\w+", layer) for layer in reversed(CONTRACT["layers"])]
ROOF = 8
FLOORS = [*_LAYERS[:ROOF], [name for layer in _LAYERS[ROOF:] for name in layer]]
WALKS = dict(re.findall(r"^### (.+)\n\n((?:.+\n)+)", PAGE, re.MULTILINE))


def floor_of(module: str) -> int:
    """Which floor a path such as `store/pack.py` or `ids.py` is on."""
    top = module.removesuffix(".py").partition("/")[0]
    return next(number for number, names in enumerate(FLOORS) if top in names)


def modules_in(text: str) -> list[str]:
    return re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.py)`", text)


def test_the_figure_has_every_package_on_the_floor_the_contract_gives_it() -> None:
    figure = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)[0]
    drawn = re.split(r"^ *─+$", figure, flags=re.MULTILINE)

    assert len(drawn) == len(FLOORS)
    for number, block in enumerate(reversed(drawn)):
        assert f"F{number}" in block
        assert {name for name in FLOORS[number] if not name.startswith("_")} <= set(re.findall(r"\w+", block))


def test_every_package_has_its_line() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}

    assert packages == set(re.findall(r"^\| `(\w+)/` \|", PAGE, re.MULTILINE))


@pytest.mark.parametrize("module", sorted(set(modules_in(PAGE))))
def test_every_module_it_names_is_there(module: str) -> None:
    assert (PACKAGE / module).is_file()


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_never_goes_back_up_a_floor(walk: str) -> None:
    floors = [floor_of(module) for module in modules_in(WALKS[walk])]

    assert len(floors) > len(set(floors)) > 3
    assert floors == sorted(floors, reverse=True)
