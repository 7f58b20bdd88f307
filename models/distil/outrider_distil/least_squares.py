"""Least squares of the projections of a block: what they see of their inputs, and what they lack."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

RIDGE = 0.01  # of the mean square of an input, towards the weights as they were


@dataclass(frozen=True)
class Solved:
    """What least squares of a down projection saw of its inputs x and of what it is to give, y."""

    gram: torch.Tensor  # Σ x xᵀ
    moment: torch.Tensor  # Σ x yᵀ
    square: float  # Σ ‖y‖²
    numbers: int  # of all y

    def error(self, down: torch.Tensor) -> float:
        """The mean square that `down` (hidden, channels) lacks."""
        given = down.T.double()
        left = self.square - 2 * (given * self.moment).sum() + ((given.T @ self.gram.double()) * given.T).sum()
        return left.item() / self.numbers


def gram_of(inputs: Iterable[torch.Tensor]) -> torch.Tensor:
    """(cols, cols) in f32: Σ x xᵀ over the rows x of each (rows, cols)."""
    return sum(part.float().T @ part.float() for part in inputs)


def by_size(stream: torch.Tensor) -> torch.Tensor:
    """(…, 1): one over the root mean square of each position. All positions count alike then, as for a norm."""
    return (stream.square().mean(-1, keepdim=True) + 1e-6).rsqrt()


def drawn_to(weight: torch.Tensor, gram: torch.Tensor, moment: torch.Tensor) -> torch.Tensor:
    """
    The matrix W (outputs, cols) that brings W x nearest to y by least squares, drawn to `weight` by a ridge.
    gram: Σ x xᵀ. moment: Σ x yᵀ.
    """
    ridge = RIDGE * gram.diagonal().mean().double()
    eye = torch.eye(len(gram), device=gram.device, dtype=torch.double)
    found = torch.linalg.solve(gram.double() + ridge * eye, moment.double() + ridge * weight.double().T)
    return found.T.to(weight.dtype)
