"""
The values that the weights of a matrix are rounded to at first: those that it holds exactly, where it has been rounded
before, as a checkpoint from a pack has; else those of the least squared error.
"""

import torch
import torch.nn.functional as F

from .choices import between, scales_for

HELD = 1e-5  # of a row's largest weight: a rotation and back, in f32


def first_values(weight: torch.Tensor, entries: int) -> torch.Tensor:
    """
    The first values of a codebook, (rows, entries), for a weight (rows, cols). A row that holds no more than `entries`
    different values, as in a checkpoint that was exported from a pack, begins with those; any other with its k-means.
    """
    rising = weight.sort(-1).values
    rank = F.pad(rising.diff() > 0, (1, 0)).cumsum(-1)
    few = rank[:, -1] < entries
    values = rising[:, -1:].repeat(1, entries)
    values[few] = values[few].scatter(1, rank[few], rising[few])
    values[~few] = quantile_means(weight[~few], entries)
    return values


def quantile_means(weight: torch.Tensor, entries: int, rounds: int = 20) -> torch.Tensor:
    """k-means of each row on its own, (rows, entries): Lloyd's steps from the means of equal shares."""
    values = torch.stack([part.mean(-1) for part in weight.sort(-1).values.tensor_split(entries, -1)], -1)
    for _ in range(rounds):
        middles = ((values[:, 1:] + values[:, :-1]) / 2).contiguous()
        codes = torch.searchsorted(middles, weight.contiguous())
        sums = torch.zeros_like(values).scatter_add_(1, codes, weight)
        counts = torch.zeros_like(values).scatter_add_(1, codes, torch.ones_like(weight))
        values = torch.where(counts > 0, sums / counts.clamp_min(1), values)
    return values


def first_scales(weight: torch.Tensor, levels: torch.Tensor, rounds: int = 20) -> torch.Tensor:
    """(rows): the scales that a weight holds exactly, where it does; else of the least squared error, by turns."""
    held = held_scales(weight, levels)
    if held is not None:
        return held
    scales = weight.square().mean(-1).sqrt().clamp_min(1e-8) / levels.square().mean().sqrt()
    for _ in range(rounds):
        scales = scales_for(weight, levels[between(scales[:, None] * levels, weight)])
    return scales


def held_scales(weight: torch.Tensor, levels: torch.Tensor) -> torch.Tensor | None:
    """(rows): by which each row's values are some of the levels; None where a row has other values."""
    largest = weight.abs().amax(-1)
    scales, least = torch.zeros_like(largest), torch.full_like(largest, torch.inf)
    for level in levels.abs().unique():
        if level == 0:
            continue
        scale = largest / level
        values = scale[:, None] * levels
        error = (values.gather(1, between(values, weight)) - weight).abs().amax(-1)
        scales, least = torch.where(error < least, scale, scales), torch.minimum(error, least)
    return scales if (least <= HELD * largest).all() else None
