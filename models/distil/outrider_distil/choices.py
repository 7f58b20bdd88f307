"""What the weights of a matrix may be rounded to, while it is rounded: values of each row's own, or words of books."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from . import descent
from .arrays import array

# A sweep of coordinate descent (descent.py) over some rows: which, the metric or None, the weight, what it lacks, and
# codes. It changes the last two.
Sweep = Callable[[slice, np.ndarray | None, np.ndarray, np.ndarray, np.ndarray], None]


@dataclass(frozen=True)
class Values:
    """(rows, n), rising."""

    values: torch.Tensor

    together = 1  # columns of a code

    def nearest(self, weight: torch.Tensor, _inverse: torch.Tensor) -> torch.Tensor:
        """(rows): the codes of one column (rows, 1)."""
        return between(self.values, weight)[:, 0]

    def at(self, codes: torch.Tensor) -> torch.Tensor:
        """(rows, cols)"""
        return self.values.gather(1, codes)

    def sweeper(self, gram: torch.Tensor) -> Sweep:
        """gram: (cols, cols)"""
        values, square = array(self.values), array(gram)
        return lambda rows, metric, weight, far, codes: descent.sweep_values(
            weight[rows], values[rows], square, metric, far[rows], codes[rows]
        )


@dataclass(frozen=True)
class Words:
    """
    Words (n, columns) that all rows share, times a scale for each row (rows). What is said here of codes is said of
    (rows, cols / columns).
    """

    scales: torch.Tensor
    words: torch.Tensor

    @property
    def together(self) -> int:
        return self.words.shape[1]

    def nearest(self, weight: torch.Tensor, inverse: torch.Tensor) -> torch.Tensor:
        """(rows): the codes of a word's columns, where distances are those behind `inverse`."""
        far = weight / self.scales[:, None] @ inverse
        words = self.words @ inverse
        return (far @ words.T - words.square().sum(1) / 2).argmax(1)

    def at(self, codes: torch.Tensor) -> torch.Tensor:
        return self.scales[:, None] * self.words[codes].flatten(1)

    def sweeper(self, gram: torch.Tensor) -> Sweep:
        blocks = gram.unflatten(0, (-1, self.together)).unflatten(-1, (-1, self.together))
        blocks = blocks.diagonal(dim1=0, dim2=2).permute(2, 0, 1)
        halves = array(torch.einsum("nd,gde,ne->gn", self.words, blocks, self.words) / 2)
        scales, words, square = array(self.scales), array(self.words.T), array(gram)
        return lambda rows, metric, weight, far, codes: descent.sweep_words(
            weight[rows], scales[rows], words, halves, square, metric, far[rows], codes[rows]
        )


def between(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """
    (rows, cols): the index of the value of its row that each weight is nearest to. values: (rows, n), few and rising:
    one comparison for each two neighbours.
    """
    codes = torch.zeros(weight.shape, dtype=torch.uint8, device=weight.device)
    for middle in ((values[:, 1:] + values[:, :-1]) / 2).unbind(1):
        codes += weight > middle[:, None]
    return codes.long()


def scales_for(weight: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """(rows): what brings the chosen levels or words (rows, cols) nearest to the weight."""
    return ((weight * chosen).sum(-1) / chosen.square().sum(-1).clamp_min(1e-12)).clamp_min(1e-8)


def refitted(scales: torch.Tensor, weight: torch.Tensor, chosen: torch.Tensor, gram: torch.Tensor) -> torch.Tensor:
    """
    (rows): the scales by which `chosen` (rows, cols) loses least of the weight on inputs. gram: as in gptq.rounded.
    """
    among = chosen @ gram
    found = (weight * among).sum(-1) / (chosen * among).sum(-1).clamp_min(1e-12)
    return torch.where(found > 0, found, scales)
