"""
The values that the weights of a matrix are rounded to at first: those that it holds exactly, where it has been rounded
before, as a checkpoint from a pack has; else those of the least squared error.
"""

import torch
import torch.nn.functional as F

from .choices import between, scales_for

LEVELS = 4  # of q2lut
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


def first_levels(weight: torch.Tensor, rounds: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """
    Levels (4) and scales (rows) for a weight (rows, cols): those that it holds exactly, where it does; else of the
    least squared error, by turns for codes, scales and levels, from rows divided by their root mean square.
    """
    held = held_levels(weight)
    if held:
        return held
    scales = weight.square().mean(-1).sqrt().clamp_min(1e-8)
    levels = torch.tensor([-1.5, -0.45, 0.45, 1.5], device=weight.device)
    for _ in range(rounds):
        levels = levels.sort().values
        codes = between(scales[:, None] * levels, weight)
        chosen = levels[codes]
        scales = scales_for(weight, chosen)
        flat, size = codes.flatten(), scales[:, None].expand_as(weight)
        wanted = torch.zeros(LEVELS, device=weight.device).scatter_add_(0, flat, (weight * size).flatten())
        mass = torch.zeros(LEVELS, device=weight.device).scatter_add_(0, flat, size.square().flatten())
        levels = torch.where(mass > 0, wanted / mass.clamp_min(1e-12), levels)
    return levels.sort().values, scales


def first_scales(weight: torch.Tensor, levels: torch.Tensor, rounds: int = 20) -> torch.Tensor:
    """(rows): the scales that a weight holds exactly, where it does; else of the least squared error, by turns."""
    held = held_scales(weight, levels)
    if held is not None:
        return held
    scales = weight.square().mean(-1).sqrt().clamp_min(1e-8) / levels.square().mean().sqrt()
    for _ in range(rounds):
        scales = scales_for(weight, levels[between(scales[:, None] * levels, weight)])
    return scales


def held_levels(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
    """
    The levels and scales of a weight that has been rounded to q2lut, such as one exported from a pack; None for any
    other. A row with four different values has the levels up to its scale.
    """
    for row in weight[:64]:
        levels = few_values(row)
        if levels is None:
            return None
        if len(levels) == LEVELS:
            break
    else:
        return None
    scales = held_scales(weight, levels)
    return None if scales is None else (levels, scales)


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


def few_values(row: torch.Tensor) -> torch.Tensor | None:
    """The different values of a row, rising, each the mean of its like; None where they are more than LEVELS."""
    rising = row.sort().values
    starts = (rising.diff() > HELD * row.abs().max()).nonzero()[:, 0] + 1
    return torch.stack([like.mean() for like in rising.tensor_split(starts.cpu())]) if len(starts) < LEVELS else None
