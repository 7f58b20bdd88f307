"""
Rounds a matrix to a format column by column, where the columns that are left make up for what each one lost: GPTQ
(Frantar et al. 2022, arXiv 2210.17323, §3). The values that a row's weights may have are not a grid, as they are there,
but those of the format, fitted in turns with the choice among them. Columns that share a code are rounded together
(GPTVQ, van Baalen et al. 2024, arXiv 2402.15319, §3). Coordinate descent (descent.py) then goes over all weights again.
"""

import math

import torch

from . import quantise
from .arrays import array
from .beside import beside
from .choices import Values, Words

TURNS = 2  # of choosing and fitting, before sweeps
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
    together = form.choices().together
    groups = gram.diagonal().unflatten(0, (-1, together)).sum(-1).argsort(descending=True)
    order = (together * groups[:, None] + torch.arange(together, device=gram.device)).flatten()
    factor = inverse_factor(gram[order][:, order])
    for _ in range(TURNS):
        codes = torch.empty(len(weight), len(groups), dtype=torch.long, device=weight.device)
        codes[:, groups] = chosen(weight[:, order], factor, form.choices())
        form.refit(weight, codes, gram)
    for _ in range(SWEEPS):
        codes = mended(weight, codes, form.choices(), gram, None)
        form.refit(weight, codes, gram)
    if metric is not None:
        metric = damped(metric.float(), METRIC_DAMPING)
        for _ in range(SWEEPS):
            codes = mended(weight, codes, form.choices(), gram, metric)
    return form.rotate(form.taken(codes))


def damped(square: torch.Tensor, share: float) -> torch.Tensor:
    return square + share * square.diagonal().mean() * torch.eye(len(square), device=square.device)


def inverse_factor(gram: torch.Tensor) -> torch.Tensor:
    """The upper Cholesky factor of the inverse."""
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram.double()))
    return torch.linalg.cholesky(inverse, upper=True).float()


def chosen(weight: torch.Tensor, factor: torch.Tensor, choices: Values | Words) -> torch.Tensor:
    """(rows, codes): what the columns are given, in turn."""
    weight, own, codes = weight.clone(), choices.together, []
    for first in range(0, weight.shape[1], BATCH):
        end = min(first + BATCH, weight.shape[1])
        lost = torch.empty(len(weight), end - first, device=weight.device)
        for k in range(first, end, own):
            part = weight[:, k : k + own]
            inverse = torch.linalg.inv(factor[k : k + own, k : k + own])
            codes.append(choices.nearest(part, inverse))
            missing = (part - choices.at(codes[-1][:, None])) @ inverse
            lost[:, k - first : k - first + own] = missing
            weight[:, k + own : end] -= missing @ factor[k : k + own, k + own : end]
        weight[:, end:] -= lost @ factor[first:end, end:]
    return torch.stack(codes, 1)


@torch.no_grad()
def mended(
    weight: torch.Tensor,
    codes: torch.Tensor,
    choices: Values | Words,
    gram: torch.Tensor,
    metric: torch.Tensor | None,
) -> torch.Tensor:
    """
    Codes after every one has been looked at once (descent.py). weight: (rows, cols). gram: (cols, cols). metric: (rows,
    rows); None: every row for itself.
    """
    found = codes.to(device="cpu", dtype=torch.int16, copy=True).contiguous()
    own, far, outputs = array(weight), array(weight - choices.at(codes)), None if metric is None else array(metric)
    sweep, count = choices.sweeper(gram), len(weight)
    # Rows that do not know each other run side by side.
    step = count if metric is not None else math.ceil(count / torch.get_num_threads())
    parts = (slice(first, min(first + step, count)) for first in range(0, count, step))
    beside(lambda rows: sweep(rows, outputs, own, far, found.numpy()), parts)
    return found.to(codes)
