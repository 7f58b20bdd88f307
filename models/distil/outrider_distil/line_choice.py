"""Which lines of a text a cut sees."""

import math
from pathlib import Path

from . import corpus


def chosen(files: list[Path], count: int, longest: int) -> list[list[int]]:
    """Token ids of `count` lines that are not held out, evenly over the files; the shortest first."""
    found = []
    for file in files:
        lines = corpus.read([file], "train", longest)
        share = math.ceil(count / len(files))
        found += [lines[index].prompt + lines[index].answer for index in evenly(len(lines), share)]
    return sorted([ids for ids in found if len(ids) > 1][:count], key=len)


def evenly(of: int, count: int) -> list[int]:
    """Indices of `count` things of `of`, as far apart as can be, or of all if there are fewer."""
    count = min(count, of)
    return [at * of // count for at in range(count)]
