"""
Losses between a draft and its teacher. The draft gives logits (N, K) over its own vocabulary. The teacher gives its
likeliest tokens as (N, TOP) rows of that vocabulary, −1 for a token without a row, and their log probabilities. All
other tokens count as one further token.
"""

import torch
import torch.nn.functional as F


def shares(
    student: torch.Tensor, rows: torch.Tensor, logs: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """
    Log probabilities of the student and probabilities of the teacher, (N, TOP + 1) each, whose last column is the sum
    of all tokens that are not named; and (N), the share of the teacher's probability that is on tokens which the
    student has.
    """
    named = rows >= 0
    predicted = F.log_softmax(student, -1).gather(1, rows.clamp_min(0)).masked_fill(~named, -torch.inf)
    rest = (1 - predicted.exp().sum(-1, keepdim=True)).clamp_min(1e-6).log()
    wanted = logs.exp()
    other = (1 - wanted.sum(-1, keepdim=True)).clamp_min(1e-6)
    wanted = torch.cat([wanted.masked_fill(~named, 0), other], -1)
    within = wanted.sum(-1)
    return torch.cat([predicted, rest], -1), wanted / within[:, None], within


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


def mixed(
    student: torch.Tensor, rows: torch.Tensor, logs: torch.Tensor, share: float, weights: torch.Tensor
) -> torch.Tensor:
    """
    (1 − share) · KL + share · acceptance. KL still has a useful gradient far from the teacher; acceptance is what a
    draft is for. The mean over N is weighted by `weights` (N), times the share of the teacher's probability that the
    student can say.
    """
    predicted, wanted, within = shares(student, rows, logs)
    loss = kl(predicted, wanted)
    if share > 0:
        loss = (1 - share) * loss + share * acceptance(predicted, wanted)
    return (loss * within * weights).sum() / weights.sum().clamp_min(1e-6)
