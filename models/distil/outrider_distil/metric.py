"""
What errors of a model's projections cost at its end. For each projection Σ g gᵀ, where g is the derivative of −log p at
its output and p is of tokens that the model itself draws: the outputs' part of the Fisher information, which is the
Hessian of the KL divergence from the model (YAQA, Tseng, Sun, De Sa 2025, arXiv 2505.22988).
"""

from collections.abc import Iterable

import torch
from torch import nn

from .inside import Inside
from .loss import PART

POSITIONS = 20_000  # that are drawn at


def metrics(
    model: nn.Module, batches: Iterable[tuple[torch.Tensor, torch.Tensor]], inside: Inside
) -> dict[tuple[int, str], torch.Tensor]:
    """
    (rows, rows) by block and name of the projection, such as (3, "mlp.up_proj"). batches: ids (B, T), and which of them
    are of lines (B, T). The first position of a line does not count: its stream is hundreds of times the others'.
    """
    found: dict[tuple[int, str], torch.Tensor] = {}

    def watch(key: tuple[int, str]):
        def take(gradient: torch.Tensor) -> None:
            own = gradient[:, 1:].flatten(0, 1)
            found[key] = found.get(key, 0) + (own.T @ own).float()

        def hook(_module: nn.Module, _inputs: tuple, output: torch.Tensor) -> None:
            output.register_hook(take)

        return hook

    hooks = [
        part.register_forward_hook(watch((index, name)))
        for index, block in enumerate(model.model.layers)
        for name, part in block.named_modules()
        if isinstance(part, nn.Linear)
    ]
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    model.requires_grad_(False)
    count = 0
    generator = torch.Generator(model.device).manual_seed(0)
    head = model.lm_head.weight.detach().to(inside.products)
    for ids, real in batches:
        with inside.autocast():
            x = model.model.embed_tokens(ids).requires_grad_()
            states = model.model(inputs_embeds=x).last_hidden_state[real]
        states.backward(at_draws(states.detach().to(head.dtype), head, generator).to(states.dtype))
        count += len(states)
        if count >= POSITIONS:
            break
    for hook in hooks:
        hook.remove()
    for weight in learning:
        weight.requires_grad_()
    return {key: total / count for key, total in found.items()}


@torch.no_grad()
def at_draws(states: torch.Tensor, head: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """(N, hidden): the derivative of −log p(y) at each state, where y is drawn from what the model says there."""
    parts = []
    for part in states.split(PART):
        chances = (part @ head.T).float().softmax(-1)
        sums = chances.cumsum(-1)
        # As torch.multinomial, which takes five times as long over a large vocabulary.
        draws = torch.rand(len(part), 1, generator=generator, device=part.device) * sums[:, -1:]
        drawn = torch.searchsorted(sums, draws).clamp_max(len(head) - 1)
        parts.append(chances.to(states.dtype) @ head - head[drawn[:, 0]])
    return torch.cat(parts)
