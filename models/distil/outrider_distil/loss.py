"""
Losses between a draft and its teacher. The draft has K tokens. The teacher gives its likeliest tokens as (N, TOP) rows
of that vocabulary, −1 for a token without a row, and their log probabilities. All other tokens count as one further
token.
"""

import torch

PART = 512  # positions whose logits are in memory at a time: 34 MB for 16,384 tokens


def shares(
    predicted: torch.Tensor, rows: torch.Tensor, logs: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """
    predicted: (N, TOP), the student's log probabilities of the teacher's likeliest tokens. Returns log probabilities of
    the student and probabilities of the teacher, (N, TOP + 1) each, whose last column is the sum of all tokens that are
    not named; and (N), the share of the teacher's probability that is on tokens which the student has.
    """
    named = rows >= 0
    predicted = predicted.masked_fill(~named, -torch.inf)
    rest = (1 - predicted.exp().sum(-1, keepdim=True)).clamp_min(1e-6).log()
    wanted = logs.exp()
    other = (1 - wanted.sum(-1, keepdim=True)).clamp_min(1e-6)
    wanted = torch.cat([wanted.masked_fill(~named, 0), other], -1)
    within = wanted.sum(-1)
    return torch.cat([predicted, rest], -1), wanted / within[:, None], within


def at_temperature(logs: torch.Tensor, temperature: float) -> torch.Tensor:
    """
    (N, TOP) log probabilities as they are at another temperature of the teacher. Under 1 its first choices count for
    more, and what it does not name counts for nothing (Hinton, Vinyals, Dean 2015, arXiv 1503.02531, go above 1).
    """
    return (logs / temperature).log_softmax(-1) if temperature != 1 else logs


def kl(predicted: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Forward KL, (N) (Hinton, Vinyals, Dean 2015, arXiv 1503.02531)."""
    return torch.where(
        wanted > 0, wanted * (wanted.clamp_min(1e-12).log() - predicted.masked_fill(wanted <= 0, 0)), 0
    ).sum(-1)


def acceptance(predicted: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """
    (N): −log Σ min(p, q). The sum is the acceptance rate of speculative sampling (Leviathan, Kalman, Matias 2023,
    §3.2), and 1 − the total variation distance, on which DistillSpec trains (Zhou et al. 2023, arXiv 2310.08461).
    """
    return -torch.minimum(predicted.exp(), wanted).sum(-1).clamp_min(1e-6).log()


def mixed(predicted: torch.Tensor, rows: torch.Tensor, logs: torch.Tensor, share: float) -> torch.Tensor:
    """
    (N): (1 − share) · KL + share · acceptance, times the share of the teacher's probability that the student can say.
    KL still has a useful gradient far from the teacher; acceptance is what a draft is for.
    """
    predicted, wanted, within = shares(predicted, rows, logs)
    loss = kl(predicted, wanted)
    if share > 0:
        loss = (1 - share) * loss + share * acceptance(predicted, wanted)
    return loss * within


class _AtHead(torch.autograd.Function):
    """
    The loss depends on the logits through those of the named tokens and the sum of exp over all, so the gradient of all
    logits is −p · Σ g with g added at the named ones. It is made in the place of the logits, part by part, as they are:
    PyTorch's own derivatives of gather, log and softmax go over all logits three times as often.
    """

    @staticmethod
    def forward(ctx, states, head, rows, logs, share, weights, products):
        weights = weights / weights.sum().clamp_min(1e-6)
        into, taken = head.to(products), states.to(products)
        by_states, by_head = torch.empty_like(taken), torch.zeros_like(head)
        total = torch.zeros((), device=states.device)
        for start in range(0, len(states), PART):
            at = slice(start, start + PART)
            named = rows[at] >= 0
            places = rows[at].clamp_min(0)
            logits = (taken[at] @ into.T).float()
            largest = logits.amax(-1, keepdim=True)
            likeliest = logits.gather(1, places)
            sums = logits.sub_(largest).exp_().sum(-1, keepdim=True)
            predicted = (likeliest - largest - sums.log()).requires_grad_()
            with torch.enable_grad():
                loss = (mixed(predicted, rows[at], logs[at], share) * weights[at]).sum()
            (gradient,) = torch.autograd.grad(loss, predicted)
            gradient = gradient.masked_fill(~named, 0)
            logits.mul_(-gradient.sum(-1, keepdim=True) / sums).scatter_add_(1, places, gradient)
            by_logits = logits.to(products)
            by_states[at] = by_logits @ into
            by_head += by_logits.T @ taken[at]
            total += loss.detach()
        ctx.save_for_backward(by_states.to(states.dtype), by_head)
        return total

    @staticmethod
    def backward(ctx, upstream):
        by_states, by_head = ctx.saved_tensors
        return by_states * upstream.to(by_states.dtype), by_head.mul_(upstream), None, None, None, None, None


def at_head(
    states: torch.Tensor,
    head: torch.Tensor,
    rows: torch.Tensor,
    logs: torch.Tensor,
    share: float,
    weights: torch.Tensor,
    products: torch.dtype = torch.float32,
) -> torch.Tensor:
    """
    The mean of `mixed` over N positions, weighted by `weights` (N). states: (N, hidden), the input of the head. head:
    (K, hidden). products: what both are rounded to for their products. It can be differentiated once.
    """
    return _AtHead.apply(states, head, rows, logs, share, weights, products)
