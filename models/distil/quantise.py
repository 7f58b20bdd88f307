"""Weights as a pack will hold them, in the forward pass: gradients go straight through (Bengio, Léonard, Courville 2013, arXiv 1308.3432)."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize

from student import ends

GRID = 63  # entries of a codebook are whole numbers to 63, value = a · entry + b (src/model/layouts.ts)


class Codebook(nn.Module):
    """lut3 and lut4: of each row 8 or 16 values. The values learn, and each weight is the nearest of its row."""

    def __init__(self, weight: torch.Tensor, entries: int):
        super().__init__()
        self.entries = nn.Parameter(first_values(weight.detach().float(), entries))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        values = on_grid(self.entries.sort(-1).values)
        chosen = values.gather(1, nearest(values.detach(), weight.detach()))
        return chosen + (weight - weight.detach())


def nearest(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """
    (rows, cols) which of its row's rising values, on the grid, each weight is nearest to. Middles of two values lie on half steps of the
    grid, so one table look-up says it, where a search takes a CPU three times as long.
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


def first_values(weight: torch.Tensor, entries: int) -> torch.Tensor:
    """
    (rows, entries) of (rows, cols), what a codebook begins with: the values that a row holds, if these are no more, as in a checkpoint
    that a pack was exported to; else its k-means.
    """
    rising = weight.sort(-1).values
    place = F.pad(rising.diff() > 0, (1, 0)).cumsum(-1)
    few = place[:, -1] < entries
    values = rising[:, -1:].repeat(1, entries)
    values[few] = values[few].scatter(1, place[few], rising[few])
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


FORMATS = {"lut3": 8, "lut4": 16}


def quantise(model: nn.Module, format: str) -> None:
    """Every projection of every block in `format`, and the vocabulary in lut4, from here on."""
    for block in model.model.layers:
        for module in block.modules():
            if isinstance(module, nn.Linear):
                parametrize.register_parametrization(module, "weight", Codebook(module.weight, FORMATS[format]))
    for module in ends(model):
        parametrize.register_parametrization(module, "weight", Codebook(module.weight, FORMATS["lut4"]))


def settle(model: nn.Module) -> None:
    """Leaves the values of the codebooks as plain weights, which a codebook of the same size then holds exactly."""
    for module in model.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
    model.tie_weights()
