"""The tests of hostile input start from what those of the command line start from."""

from tests.cli.conftest import committed, deployed, desk, empty, initial, three

__all__ = ["committed", "deployed", "desk", "empty", "initial", "three"]
