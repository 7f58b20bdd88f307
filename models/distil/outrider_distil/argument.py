"""Types of arguments for argparse, which names the option and the limit in one line where a value is out of range."""

import argparse
from collections.abc import Callable
from typing import TypeVar

Number = TypeVar("Number", int, float)


def positive(text: str) -> float:
    """A number above 0; `inf` is one."""
    return _checked(float(text), lambda number: number > 0, "above 0")


def share(text: str) -> float:
    return _checked(float(text), lambda number: 0 <= number <= 1, "from 0 to 1")


def not_negative(text: str) -> float:
    return _checked(float(text), lambda number: number >= 0, "0 or more")


def count(text: str) -> int:
    return _checked(int(text), lambda number: number > 0, "1 or more")


def _checked(number: Number, is_allowed: Callable[[Number], bool], limits: str) -> Number:
    if not is_allowed(number):
        raise argparse.ArgumentTypeError(f"{number:g} must be {limits}")
    return number
