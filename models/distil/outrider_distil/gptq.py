"""
Rounds a matrix to a format column by column, where the columns that are left make up for what each one lost: GPTQ
(Frantar et al. 2022, arXiv 2210.17323, §3). The values that a row's weights may have are not a grid, as they are there,
but those of the format, fitted in turns with the choice among them. Coordinate descent (descent.py) then goes over all
weights again.
"""

import torch

from . import quantise
from .descent import mended

TURNS = 2
SWEEPS = 3  # of coordinate descent; a fourth changes less than a hundredth of the weights
DAMPING = 0.01  # of the mean of the diagonal, as the paper has it
METRIC_DAMPING = 0.02
BATCH = 128  # columns whose losses are passed on to all later ones at once


@torch.no_grad()
def rounded(weight: torch.Tensor, gram: torch.Tensor, kind: str, metric: torch.Tensor | None = None) -> torch.Tensor:
    """
    weight: (rows, cols). gram: (cols, cols), the sum G of x xᵀ over inputs x of the matrix. metric: (rows, rows), what
    errors of the outputs cost together, M (metric.py). Returns the matrix in the format `kind`, near to the least
    tr(M (W − W′) G (W − W′)ᵀ), which without a metric is Σ ‖(W − W′) x‖².
    """
    form = quantise.FORMATS[kind](weight)
    weight, gram = form.rotate(weight.float()), form.rotate(form.rotate(gram.float()).T)
    gram = damped(gram, DAMPING)
    order = gram.diagonal().argsort(descending=True)
    factor = inverse_factor(gram[order][:, order])
    for _ in range(TURNS):
        codes = torch.empty(weight.shape, dtype=torch.long, device=weight.device)
        codes[:, order] = chosen(weight[:, order], factor, form.values())
        form.refit(weight, codes, gram)
    for _ in range(SWEEPS):
        codes = mended(weight, codes, form.values(), gram, None)
        form.refit(weight, codes, gram)
    if metric is not None:
        metric = damped(metric.float(), METRIC_DAMPING)
        for _ in range(SWEEPS):
            codes = mended(weight, codes, form.values(), gram, metric)
    return form.rotate(form.taken(codes))


def damped(square: torch.Tensor, share: float) -> torch.Tensor:
    return square + share * square.diagonal().mean() * torch.eye(len(square), device=square.device)


def inverse_factor(gram: torch.Tensor) -> torch.Tensor:
    """The upper Cholesky factor of the inverse."""
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram.double()))
    return torch.linalg.cholesky(inverse, upper=True).float()


def chosen(weight: torch.Tensor, factor: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """(rows, cols): the index among the row's values (rows, n; rising) that each weight is given, in turn."""
    weight, codes = weight.clone(), torch.empty(weight.shape, dtype=torch.long, device=weight.device)
    for first in range(0, weight.shape[1], BATCH):
        end = min(first + BATCH, weight.shape[1])
        lost = torch.empty(len(weight), end - first, device=weight.device)
        for k in range(first, end):
            codes[:, k] = quantise.between(values, weight[:, k : k + 1])[:, 0]
            taken = values.gather(1, codes[:, k : k + 1])[:, 0]
            lost[:, k - first] = (weight[:, k] - taken) / factor[k, k]
            weight[:, k + 1 : end] -= lost[:, k - first, None] * factor[k, k + 1 : end]
        weight[:, end:] -= lost @ factor[first:end, end:]
    return codes
