"""The networks of a stack, of one that fails over, and of one beside another."""

from __future__ import annotations

from typing import Any

import yaml

from tests.support.compose_model import FOLDER


def _networks(name: str) -> dict[str, dict[str, Any]]:
    networks: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / name).read_text())["networks"]
    return networks


def test_all_have_the_same_networks() -> None:
    """A service finds its networks whichever file is named."""
    for name in ("networks-fixed.yaml", "networks-joined.yaml"):
        assert _networks(name).keys() == _networks("networks.yaml").keys()


def test_the_bus_of_fixed_addresses_has_no_way_out_either() -> None:
    """Addresses change nothing about who can be reached."""
    assert _networks("networks-fixed.yaml")["bus"]["internal"] is True


def test_a_stack_beside_another_makes_no_network() -> None:
    """It joins both of the other one's."""
    for name, network in _networks("networks-joined.yaml").items():
        assert network["external"] is True
        assert network["name"].endswith(f"_{name}")
