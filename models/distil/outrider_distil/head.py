"""
What a model says next: the likeliest tokens and draws, from logits over a vocabulary of 150,000. Passes over all logits
are few here, because on a CPU one costs a tenth of what the product that makes the logits does.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from .corpus import PREDICTION, TOP

PART = 128  # logits whose largest and whose sum are found first
ROWS = 128  # positions whose logits are in memory at a time: 75 MB for 150,000 tokens
SPARE = 16  # candidates beyond TOP whose logits are computed again in f32


@dataclass(frozen=True)
class Next:
    """Of N positions."""

    logits: torch.Tensor  # (N, parts, PART) f32, −∞ behind the last token
    tokens: torch.Tensor  # (N, TOP), likeliest first
    largest: torch.Tensor  # (N, TOP): their logits
    whole: torch.Tensor  # (N, 1): log of the sum of exp(logit) over all tokens

    def records(self) -> np.ndarray:
        """N records of PREDICTION."""
        predicted = np.empty(len(self.tokens), PREDICTION)
        predicted["token"] = self.tokens.cpu().numpy()
        predicted["log"] = (self.largest - self.whole).cpu().numpy()
        return predicted

    def draw(self, heat: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """(N): a token from each distribution at its temperature in `heat` (N), the likeliest where that is 0."""
        chosen = self.tokens[:, 0].clone()
        rows = heat.nonzero()[:, 0]
        if len(rows):
            weights = (self.logits[rows] - self.largest[rows, :1, None]).div_(heat[rows, None, None]).exp_()
            chosen[rows] = drawn(weights, generator)
        return chosen


def drawn(weights: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """(N): an index into the weights (N, parts, PART) of each row, as likely as its weight is large."""
    reach = weights.sum(-1).cumsum(-1)
    points = reach[:, -1:] * torch.rand(len(reach), 1, generator=generator, device=reach.device)
    part = torch.searchsorted(reach, points, right=True).clamp_max_(reach.shape[1] - 1)
    within = weights[torch.arange(len(part), device=part.device), part[:, 0]].cumsum(-1)
    before = F.pad(reach, (1, 0)).gather(1, part)
    # The two sums may differ in their last bits: the point stays within what the part's own sum reaches.
    points = torch.minimum(points - before, within[:, -1:] * (1 - 1e-6)).clamp_min_(0)
    return part[:, 0] * PART + torch.searchsorted(within, points, right=True)[:, 0]


def top(parts: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """
    The `count` largest of each row of (N, parts, PART), and their indices. They lie in the parts with the largest
    largest, so only those are searched.
    """
    best = parts.amax(-1).topk(min(count, parts.shape[1])).indices
    found = parts.gather(1, best[:, :, None].expand(-1, -1, PART)).flatten(1).topk(count)
    return found.values, best.gather(1, found.indices // PART) * PART + found.indices % PART


def predict(states: torch.Tensor, head: torch.Tensor) -> Next:
    """
    states: (N, hidden) f32. head: (V, hidden). A product in bf16 leaves logits of eight bits, whose order is wrong
    among near-equals: those of the likeliest tokens are therefore computed again in f32.
    """
    logits = (states.to(head.dtype) @ head.T).float()
    rows, size = logits.shape
    parts = F.pad(logits, (0, -size % PART), value=-torch.inf) if size % PART else logits
    parts = parts.view(rows, -1, PART)
    if head.dtype == torch.float32:
        values, tokens = top(parts, min(TOP, size))
    else:
        _, tokens = top(parts, min(TOP + SPARE, size))
        again = torch.einsum("nh,nch->nc", states, head[tokens].float())
        parts.view(rows, -1).scatter_(1, tokens, again)
        order = again.topk(min(TOP, size))
        values, tokens = order.values, tokens.gather(1, order.indices)
    sums = (parts - values[:, :1, None]).exp_().sum(-1).sum(-1, keepdim=True)
    return Next(parts, tokens, values, values[:, :1] + sums.log())


def records(states: torch.Tensor, head: torch.Tensor) -> np.ndarray:
    """(N, hidden) to N records of PREDICTION."""
    return np.concatenate([predict(part, head).records() for part in states.split(ROWS)])
