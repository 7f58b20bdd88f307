"""
Leaves out heads of queries of a block. What is left of the out-projection makes up for each one, by least squares
(structured pruning by the inverse Gram matrix, as in ZipLM: Kurtic et al. 2023, arXiv 2302.04089, §3.1).
"""

import torch
from torch import nn

DAMPING = 1e-4  # of the mean of the diagonal


@torch.no_grad()
def leave_out(attention: nn.Module, gram: torch.Tensor, count: int) -> torch.Tensor:
    """
    Leaves `count` heads, as many for each head of keys and values: those whose loss costs least go first, one by one.
    gram: (heads · size, heads · size), the sum of x xᵀ over the inputs x of the out-projection. Returns which of its
    columns stay.
    """
    size = attention.head_dim
    out = attention.o_proj.weight.double()
    heads, groups = out.shape[1] // size, len(attention.k_proj.weight) // size
    damped = gram.double() + DAMPING * gram.diagonal().mean() * torch.eye(len(gram), device=gram.device)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    kept = [list(range(first, first + heads // groups)) for first in range(0, heads, heads // groups)]
    while sum(map(len, kept)) > count:
        group = max(kept, key=len)
        costs = {head: cost(out, inverse, columns(head, size)) for head in group}
        head = min(group, key=costs.__getitem__)
        group.remove(head)
        own = columns(head, size)
        share = torch.linalg.solve(inverse[own, own], inverse[own])
        out = out - out[:, own] @ share
        inverse = inverse - inverse[:, own] @ share
    return narrow(attention, sorted(head for group in kept for head in group), out)


def cost(out: torch.Tensor, inverse: torch.Tensor, own: slice) -> float:
    """What the outputs lose, summed over the inputs, with a head's columns of the out-projection."""
    return (torch.linalg.solve(inverse[own, own], out[:, own].T) * out[:, own].T).sum().item()


def columns(head: int, size: int) -> slice:
    return slice(head * size, (head + 1) * size)


def narrow(attention: nn.Module, heads: list[int], out: torch.Tensor | None = None) -> torch.Tensor:
    """
    Leaves only these heads of queries. out: the out-projection's weight for all of them; None: what it has. Returns the
    columns of the out-projection that stay.
    """
    query, after = attention.q_proj, attention.o_proj
    keep = torch.arange(len(query.weight)).view(-1, attention.head_dim)[heads].flatten()
    query.weight = nn.Parameter(query.weight.detach()[keep].clone())
    if query.bias is not None:
        query.bias = nn.Parameter(query.bias.detach()[keep].clone())
    weight = (after.weight if out is None else out).detach()
    after.weight = nn.Parameter(weight[:, keep].to(after.weight.dtype).clone())
    query.out_features = after.in_features = len(keep)
    attention.num_key_value_groups = len(keep) // len(attention.k_proj.weight)
    return keep
