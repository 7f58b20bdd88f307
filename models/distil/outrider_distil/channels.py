"""Leaves out channels of the MLP of a block. The rest of the down projection makes up for them, by least squares."""

import torch
from torch import nn

from .inside import Inside
from .least_squares import Solved, by_size, drawn_to, gram_of


@torch.no_grad()
def solve(
    inside: Inside, layer: nn.Module, behind: list[torch.Tensor], wanted: list[torch.Tensor], count: int
) -> Solved:
    """
    Keeps the `count` channels of the largest outputs, and solves the down projection by least squares. behind, wanted:
    of each line (tokens, hidden), the stream behind the attention and what the block is to give.
    """
    inner, missing = [], []
    for x, stream in zip(behind, wanted):
        weight = by_size(stream)
        # The first token's stream is hundreds of times the others', and no draft is asked for what follows it.
        inner.append((inside.channels(layer, x) * weight)[1:].to(inside.products))
        missing.append(((stream - x) * weight)[1:])
    down = layer.mlp.down_proj.weight
    squares = sum(part.float().square().sum(0) for part in inner)
    keep = (squares.sqrt() * down.norm(dim=0)).topk(count).indices.sort().values
    narrow(layer, keep)
    gram = gram_of(part[:, keep] for part in inner)
    moment = sum(part[:, keep].float().T @ rest for part, rest in zip(inner, missing))
    down = layer.mlp.down_proj.weight
    down.copy_(drawn_to(down, gram, moment))
    square = sum(rest.square().sum().item() for rest in missing)
    return Solved(gram, moment, square, sum(rest.numel() for rest in missing))


def narrow(layer: nn.Module, keep: torch.Tensor) -> None:
    """Leaves only these channels of the MLP."""
    mlp = layer.mlp
    for linear in (mlp.gate_proj, mlp.up_proj):
        linear.weight = nn.Parameter(linear.weight.detach()[keep].clone())
        linear.out_features = len(keep)
    mlp.down_proj.weight = nn.Parameter(mlp.down_proj.weight.detach()[:, keep].clone())
    mlp.down_proj.in_features = len(keep)
