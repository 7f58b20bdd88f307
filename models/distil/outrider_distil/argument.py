"""
Types of arguments for argparse. It names the option in one line, and the limit where a value is out of range, or what a
path lacks.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
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


def file(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return Path(text)


def holding(name: str) -> Callable[[str], Path]:
    """A folder with a file of this name."""

    def folder(text: str) -> Path:
        if not (Path(text) / name).is_file():
            raise argparse.ArgumentTypeError(f"there is no folder {text} with {name} in it")
        return Path(text)

    return folder


checkpoint = holding("config.json")  # a model as transformers writes it
pack = holding("pack.json")


def _checked(number: Number, is_allowed: Callable[[Number], bool], limits: str) -> Number:
    if not is_allowed(number):
        raise argparse.ArgumentTypeError(f"{number:g} must be {limits}")
    return number
