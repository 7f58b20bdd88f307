"""
Rounds weights in the forward pass as a pack will hold them. Gradients pass straight through the rounding (Bengio,
Léonard, Courville 2013, arXiv 1308.3432).
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize

from .student import ends

GRID = 63  # entries of a codebook are whole numbers to 63, value = a · entry + b (src/model/layouts.ts)


class Codebook(nn.Module):
    """lut3 and lut4: 8 or 16 values per row. Weights are rounded to the nearest of them; the values learn."""

    def __init__(self, weight: torch.Tensor, entries: int):
        super().__init__()
        self.entries = nn.Parameter(first_values(weight.detach().float(), entries))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        values = on_grid(self.entries.sort(-1).values)
        chosen = values.gather(1, nearest(values.detach(), weight.detach()))
        return chosen + (weight - weight.detach())


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


FORMATS = {"lut3": 8, "lut4": 16}


def quantise(model: nn.Module, weight_format: str) -> None:
    """Rounds every projection of every block to `weight_format`, and the vocabulary to lut4, from here on."""
    for block in model.model.layers:
        for module in block.modules():
            if isinstance(module, nn.Linear):
                parametrize.register_parametrization(module, "weight", Codebook(module.weight, FORMATS[weight_format]))
    for module in ends(model):
        parametrize.register_parametrization(module, "weight", Codebook(module.weight, FORMATS["lut4"]))


def settle(model: nn.Module) -> None:
    """Makes the rounded weights plain weights, which a pack's codebooks of the same size hold exactly."""
    for module in model.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
    model.tie_weights()
