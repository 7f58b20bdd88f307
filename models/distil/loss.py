"""What a draft is taught: losses over the tokens that it can say, (N, K) logits of student and teacher."""

import torch
import torch.nn.functional as F


def kl(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Forward KL, mean over N (Hinton, Vinyals, Dean 2015, arXiv 1503.02531)."""
    return F.kl_div(F.log_softmax(student, -1), F.log_softmax(teacher, -1), log_target=True, reduction="batchmean")


def acceptance(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """
    −log of Σ min(p, q), which is the share of draws that speculative sampling keeps (Leviathan, Kalman, Matias 2023, §3.2) and one
    less the total variation (DistillSpec: Zhou et al. 2023, arXiv 2310.08461). Mean over N.
    """
    overlap = torch.minimum(F.softmax(student, -1), F.softmax(teacher, -1)).sum(-1)
    return -overlap.clamp_min(1e-6).log().mean()


def mixed(student: torch.Tensor, teacher: torch.Tensor, share: float) -> torch.Tensor:
    """(1 − share) · KL + share · acceptance: KL finds the way from far, acceptance is what counts in the end."""
    if share == 0:
        return kl(student, teacher)
    return (1 - share) * kl(student, teacher) + share * acceptance(student, teacher)
