"""
Gives the columns of a matrix one size before it is rounded; what it multiplies takes on what they lose, and the block
computes the same.
"""

from dataclasses import replace

import torch
from torch import nn

from .least_squares import Solved


@torch.no_grad()
def level_inputs(layer: nn.Module) -> torch.Tensor:
    """
    Gives one size to all columns of the projections that read a norm or the values, which takes on what they lose. The
    block computes the same. A row has few values for all of its columns. Returns by how much each value grew.
    """
    attention, mlp = layer.self_attn, layer.mlp
    for norm, readers in (
        (layer.input_layernorm, (attention.q_proj, attention.k_proj, attention.v_proj)),
        (layer.post_attention_layernorm, (mlp.gate_proj, mlp.up_proj)),
    ):
        sizes = sizes_of(torch.cat([reader.weight for reader in readers]).square().mean(0))
        norm.weight.mul_(sizes)
        for reader in readers:
            reader.weight.div_(sizes)
    # Several heads of queries mix the same values.
    out, value = attention.o_proj.weight, attention.v_proj
    by_head = out.view(len(out), len(value.weight) // attention.head_dim, -1, attention.head_dim)
    sizes = sizes_of(by_head.square().mean((0, 2)))
    by_head.div_(sizes[:, None])
    for part in (value.weight.T, value.bias):
        if part is not None:
            part.mul_(sizes.flatten())
    return sizes.flatten()


def sizes_of(squares: torch.Tensor) -> torch.Tensor:
    """Root mean squares of columns as parts of their geometric mean; no column counts as nothing."""
    sizes = squares.sqrt()
    sizes = sizes.clamp_min(1e-3 * sizes.mean())
    return sizes / sizes.log().mean().exp()


@torch.no_grad()
def levelled(mlp: nn.Module, solved: Solved) -> Solved:
    """
    Gives all columns of the down projection one size, and each row of the up projection what its column had. The MLP
    computes the same, and the values that a row of the down projection shares suit all of its columns (cross-layer
    equalization: Nagel et al. 2019, arXiv 1906.04721, §4.1). Returns what least squares saw in the new sizes.
    """
    sizes = sizes_of(mlp.down_proj.weight.square().mean(0))
    mlp.down_proj.weight /= sizes
    mlp.up_proj.weight *= sizes[:, None]
    return replace(solved, gram=solved.gram * sizes[:, None] * sizes, moment=solved.moment * sizes[:, None])
