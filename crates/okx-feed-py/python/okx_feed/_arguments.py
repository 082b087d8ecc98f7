"""Checks of arguments: of a wrong type they are a TypeError, of a wrong value a ConfigError."""

from __future__ import annotations

import operator

from ._errors import ConfigError


def check_text(name: str, value: object) -> None:
    """Checks that an argument is a text."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: a str is needed, not {type(value).__name__}")


def check_callback(name: str, value: object) -> None:
    """Checks that an argument is a function, or None."""
    if value is not None and not callable(value):
        raise TypeError(f"{name}: a function is needed, not {type(value).__name__}")


def check_count(name: str, value: int) -> None:
    """Checks that an argument is an integer of at least 1."""
    if operator.index(value) < 1:
        raise ConfigError(f"{name}: {value} is too few: at least 1")
