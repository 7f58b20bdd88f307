"""
Rounds the matrices of a block, in the order in which a position meets them. Each is to give what the matrix in floats
gives on the stream of the model in floats, from what it reads now (asymmetric calibration: GPTAQ, Li et al. 2025, arXiv
2504.02692). So it makes up for what those before it lost, by least squares, before GPTQ rounds it (gptq.py).
"""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import nn

from . import gptq, quantise
from .beside import beside
from .equalise import level_inputs, levelled
from .inside import Inside
from .least_squares import Solved, by_size, drawn_to

Streams = list[torch.Tensor]
Solve = Callable[[nn.Module, Streams, Streams], Solved]


@dataclass(frozen=True)
class Seen:
    """What a block is fitted on: of each line a stream, (tokens, hidden)."""

    read: Streams  # what enters it, behind the blocks before it as they are now
    entered: Streams  # what enters it in the whole model
    wanted: Streams  # what it is to give


@torch.no_grad()
def round_block(
    inside: Inside, layer: nn.Module, formats: str, seen: Seen, metrics: dict[str, torch.Tensor], solve: Solve
) -> float:
    """
    formats: a name in quantise.BLOCK_FORMATS. metrics: as metric.py has them, by projection; may lack some. solve:
    least squares of the down projection, from the streams behind the attention and the wanted ones. Returns the error
    that is left.
    """
    attention, mlp = layer.self_attn, layer.mlp
    names = {projection: name for name, projection in layer.named_modules()}
    grown, value = level_inputs(layer), names[attention.v_proj]
    if value in metrics:
        metrics = metrics | {value: metrics[value] / grown / grown[:, None]}
    floats = copy.deepcopy(layer)

    def to_format(gram: torch.Tensor, projection: nn.Linear) -> None:
        name = names[projection]
        kind = quantise.format_of(formats, name)
        projection.weight.copy_(gptq.rounded(projection.weight, gram, kind, metrics.get(name)))

    def as_in_floats(norm: nn.Module, read: Streams, entered: Streams, *projections: nn.Linear) -> None:
        """Of projections of a norm."""
        pairs = ((inside.normed(norm, x)[1:], inside.normed(norm, own)[1:]) for x, own in zip(read, entered))
        gram, moment = moments(pairs)

        def fit(projection: nn.Linear) -> None:
            projection.weight.copy_(drawn_to(projection.weight, gram, moment @ projection.weight.T))
            to_format(gram, projection)

        beside(fit, projections)

    as_in_floats(layer.input_layernorm, seen.read, seen.entered, attention.q_proj, attention.k_proj, attention.v_proj)
    mixes = [inside.mixed(layer, x) for x in seen.read]
    entered = [inside.behind(floats, x, inside.mixed(floats, x)) for x in seen.entered]
    sized = (by_size(stream) for stream in seen.wanted)
    rows = zip(mixes, sized, entered, seen.read)
    gram, moment = moments(((mix * size)[1:], ((own - x) * size)[1:]) for mix, size, own, x in rows)
    attention.o_proj.weight.copy_(drawn_to(attention.o_proj.weight, gram, moment))
    to_format(gram, attention.o_proj)
    behind = [inside.behind(layer, x, mix) for x, mix in zip(seen.read, mixes)]
    as_in_floats(layer.post_attention_layernorm, behind, entered, mlp.gate_proj, mlp.up_proj)
    solved = levelled(mlp, solve(layer, behind, seen.wanted))
    to_format(solved.gram, mlp.down_proj)
    return solved.error(mlp.down_proj.weight)


def moments(pairs: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Σ x xᵀ and Σ x yᵀ over the rows of pairs (rows, cols) and (rows, outputs), in f32."""
    gram, moment = 0, 0
    for x, y in pairs:
        x = x.float()
        gram, moment = gram + x.T @ x, moment + x.T @ y.float()
    return gram, moment
