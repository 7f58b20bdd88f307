"""
Gives each weight the nearest of a few values of its row. Gradients pass straight through to the weights (Bengio,
Léonard, Courville 2013, arXiv 1308.3432), and go to the values by membership, so that values learn as well.
"""

from collections.abc import Callable
from itertools import pairwise

import torch

GRID = 63  # entries of a codebook are whole numbers to 63, value = a · entry + b (src/core/model/layouts.ts)


class TakenByCode(torch.autograd.Function):
    """values (rows, n) at codes (rows, cols); the gradient goes to values by membership, and to weights unchanged."""

    @staticmethod
    def forward(ctx, weight, values, codes):
        ctx.save_for_backward(codes.to(torch.uint8))
        ctx.entries = values.shape[1]
        return values.gather(1, codes)

    @staticmethod
    def backward(ctx, upstream):
        (codes,) = ctx.saved_tensors
        by_values = upstream.new_zeros(len(codes), ctx.entries).scatter_add_(1, codes.long(), upstream)
        return upstream, by_values, None


class TakenByComparison(torch.autograd.Function):
    """What TakenByCode computes, for few rising values (rows, n), by levels_of and sums_by_level or their like."""

    @staticmethod
    def forward(ctx, weight, values, choose, by_values, dtype):
        ctx.save_for_backward(weight, values)
        ctx.by_values = by_values
        return choose(weight, values, dtype)

    @staticmethod
    def backward(ctx, upstream):
        return *ctx.by_values(upstream, *ctx.saved_tensors), None, None, None


def levels_of(weight: torch.Tensor, values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The value (rows, cols) that each weight is nearest to. values: (rows, n), rising."""
    chosen = values[:, :1]
    for level, middle in enumerate(middles(values)):
        chosen = torch.where(weight > middle, values[:, level + 1 : level + 2], chosen)
    return chosen.to(dtype)


def sums_by_level(
    upstream: torch.Tensor, weight: torch.Tensor, values: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    The gradient in f32, and its sums (rows, n) over the weights at each level. Which level a weight is at is
    compared anew: compiled code does not go over bytes and floats side by side in vectors.
    """
    gradient = upstream.float()
    above = [gradient.sum(-1), *(torch.where(weight > middle, gradient, 0).sum(-1) for middle in middles(values))]
    return gradient, torch.stack([*(more - less for more, less in pairwise(above)), above[-1]], -1)


def middles(values: torch.Tensor) -> list[torch.Tensor]:
    """(rows, 1) each: the middles of neighbours among values (rows, n)."""
    return [(low + high) / 2 for low, high in zip(values.split(1, -1), values.split(1, -1)[1:])]


def product_type(weight: torch.Tensor) -> torch.dtype:
    """What a product would round a weight to here: bf16 under autocast, else the weight's own type."""
    kind = weight.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype


def compiled_levels() -> tuple[Callable, Callable]:
    return torch.compile(levels_of, dynamic=False), torch.compile(sums_by_level, dynamic=False)


def nearest(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """
    (rows, cols): the index of the value of its row that each weight is nearest to. Values are on the grid and
    ascending. The middle of two values lies on a half step of the grid, so one table look-up finds the index; a
    search takes a CPU three times as long.
    """
    low = values[:, :1]
    half = ((values[:, -1:] - low) / (2 * GRID)).clamp_min(1e-12)
    bins = torch.arange(2 * GRID, device=values.device) + 0.5
    middles = ((values[:, 1:] + values[:, :-1]) / 2).contiguous()
    table = torch.searchsorted(middles, low + half * bins)
    return table.gather(1, ((weight - low) / half).long().clamp_(0, 2 * GRID - 1))


def on_grid(values: torch.Tensor) -> torch.Tensor:
    """(rows, n) rounded to the 64 steps between the least and the largest of each row."""
    low = values.min(-1, keepdim=True).values
    step = ((values.max(-1, keepdim=True).values - low) / GRID).clamp_min(1e-12)
    rounded = low + step * ((values - low) / step).round()
    return values + (rounded - values).detach()
