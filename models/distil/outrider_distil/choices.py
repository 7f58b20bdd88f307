"""What the weights of a matrix may be rounded to, while it is rounded: values of each row's own, or words of books."""

from dataclasses import dataclass

import numpy as np
import torch

from . import descent


@dataclass(frozen=True)
class Values:
    """(rows, n), rising."""

    values: torch.Tensor

    together = 1  # columns of a code

    def of(self, rows: slice) -> "Values":
        return Values(self.values[rows])

    def nearest(self, weight: torch.Tensor, _inverse: torch.Tensor) -> torch.Tensor:
        """(rows): the codes of one column (rows, 1)."""
        return between(self.values, weight)[:, 0]

    def at(self, codes: torch.Tensor) -> torch.Tensor:
        """(rows, cols)"""
        return self.values.gather(1, codes)

    def sweep(self, gram: torch.Tensor, metric: np.ndarray | None, weight: np.ndarray, far: np.ndarray, codes) -> None:
        """One of coordinate descent (descent.py). Changes far, what the weight lacks, and codes (rows, cols)."""
        descent.sweep_values(weight, array(self.values), array(gram), metric, far, codes)


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

    def of(self, rows: slice) -> "Words":
        return Words(self.scales[rows], self.words)

    def nearest(self, weight: torch.Tensor, inverse: torch.Tensor) -> torch.Tensor:
        """(rows): the codes of a word's columns, where distances are those behind `inverse`."""
        far = weight / self.scales[:, None] @ inverse
        words = self.words @ inverse
        return (far @ words.T - words.square().sum(1) / 2).argmax(1)

    def at(self, codes: torch.Tensor) -> torch.Tensor:
        return self.scales[:, None] * self.words[codes].flatten(1)

    def sweep(self, gram: torch.Tensor, metric: np.ndarray | None, weight: np.ndarray, far: np.ndarray, codes) -> None:
        blocks = gram.unflatten(0, (-1, self.together)).unflatten(-1, (-1, self.together))
        blocks = blocks.diagonal(dim1=0, dim2=2).permute(2, 0, 1)
        halves = torch.einsum("nd,gde,ne->gn", self.words, blocks, self.words) / 2
        words = array(self.words.T)
        descent.sweep_words(weight, array(self.scales), words, array(halves), array(gram), metric, far, codes)


def between(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """
    (rows, cols): the index of the value of its row that each weight is nearest to. values: (rows, n), few and rising:
    one comparison for each two neighbours.
    """
    codes = torch.zeros(weight.shape, dtype=torch.uint8, device=weight.device)
    for middle in ((values[:, 1:] + values[:, :-1]) / 2).unbind(1):
        codes += weight > middle[:, None]
    return codes.long()


def refitted(
    scales: torch.Tensor, weight: torch.Tensor, chosen: torch.Tensor, gram: torch.Tensor | None
) -> torch.Tensor:
    """
    (rows): the scales by which `chosen` (rows, cols) loses least of the weight. gram: as in gptq.rounded; None: of
    inputs that do not know each other.
    """
    among = chosen if gram is None else chosen @ gram
    found = (weight * among).sum(-1) / (chosen * among).sum(-1).clamp_min(1e-12)
    return torch.where(found > 0, found, scales)


def array(part: torch.Tensor) -> np.ndarray:
    return part.float().cpu().contiguous().numpy()
