"""Lines that run through a block as one batch."""

from dataclasses import dataclass

import torch

from . import corpus
from .compiled import UNIT


@dataclass(frozen=True)
class Group:
    """Lines that run as one batch: their indices, and its rows and columns."""

    lines: range
    rows: int
    columns: int


def grouped(lines: list[list[int]], tokens: int) -> list[Group]:
    """
    lines: token ids, the shortest first. tokens: padded positions of a batch, or those of the longest line if it has
    more.
    """
    groups: list[Group] = []
    for part in corpus.grouped(lines, tokens, UNIT):
        columns = corpus.rounded(len(part[-1]), UNIT)
        first = groups[-1].lines.stop if groups else 0
        own = range(first, first + len(part))
        groups.append(Group(own, max(len(part), tokens // columns), columns))
    return groups


def padded(lines: list[torch.Tensor], group: Group) -> torch.Tensor:
    """(rows, columns, hidden), zeros behind each line and below the last."""
    batch = lines[0].new_zeros(group.rows, group.columns, lines[0].shape[-1])
    for row, line in enumerate(lines):
        batch[row, : len(line)] = line
    return batch
