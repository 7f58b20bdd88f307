"""
What a draft is taught: losses between what it says, (N, K) logits over the tokens that it has, and the likeliest tokens of its teacher,
(N, TOP) places among those tokens, −1 for none, with their log probabilities. What is not among these counts as one token more.
"""

import torch
import torch.nn.functional as F


def shares(student: torch.Tensor, places: torch.Tensor, logs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """
    Log probabilities of the student and probabilities of the teacher, (N, TOP + 1) each, the last of all that is not named; and
    (N), what share of the teacher's draws a student could say at all.
    """
    named = places >= 0
    said = F.log_softmax(student, -1).gather(1, places.clamp_min(0)).masked_fill(~named, -torch.inf)
    rest = (1 - said.exp().sum(-1, keepdim=True)).clamp_min(1e-6).log()
    wanted = logs.exp()
    other = (1 - wanted.sum(-1, keepdim=True)).clamp_min(1e-6)
    wanted = torch.cat([wanted.masked_fill(~named, 0), other], -1)
    sayable = wanted.sum(-1)
    return torch.cat([said, rest], -1), wanted / sayable[:, None], sayable


def kl(said: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Forward KL, (N) (Hinton, Vinyals, Dean 2015, arXiv 1503.02531)."""
    return torch.where(wanted > 0, wanted * (wanted.clamp_min(1e-12).log() - said.masked_fill(wanted <= 0, 0)), 0).sum(-1)


def acceptance(said: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """
    (N) −log of Σ min(p, q), which is the share of draws that speculative sampling keeps (Leviathan, Kalman, Matias 2023, §3.2) and
    one less the total variation (DistillSpec: Zhou et al. 2023, arXiv 2310.08461).
    """
    return -torch.minimum(said.exp(), wanted).sum(-1).clamp_min(1e-6).log()


def mixed(student: torch.Tensor, places: torch.Tensor, logs: torch.Tensor, share: float, weights: torch.Tensor) -> torch.Tensor:
    """
    (1 − share) · KL + share · acceptance: KL finds the way from far, acceptance is what counts in the end. Mean over N by `weights`, (N),
    each as much as of what the teacher says can be said.
    """
    said, wanted, sayable = shares(student, places, logs)
    loss = kl(said, wanted)
    if share > 0:
        loss = (1 - share) * loss + share * acceptance(said, wanted)
    return (loss * sayable * weights).sum() / weights.sum().clamp_min(1e-6)
