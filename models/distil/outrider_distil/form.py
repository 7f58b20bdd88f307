"""What all weight formats have, and the basis in which some of them round."""

from functools import cache

import torch
from torch import nn

ROTATED = 64  # columns that are rotated together


@cache
def hadamard(device: torch.device) -> torch.Tensor:
    """(ROTATED, ROTATED), symmetric and its own inverse (src/core/model/formats/rotation.ts)."""
    made = torch.ones(1, 1)
    while len(made) < ROTATED:
        made = torch.cat([torch.cat([made, made], 1), torch.cat([made, -made], 1)])
    return (made / ROTATED**0.5).to(device)


def rotated(x: torch.Tensor) -> torch.Tensor:
    """(…, cols) in the basis in which formats round that rotate, or back from there."""
    return (x.unflatten(-1, (-1, ROTATED)) @ hadamard(x.device).to(x.dtype)).flatten(-2)


class Form(nn.Module):
    """A weight format, as a parametrization."""

    # Whether the weight that it is given is in its own basis.
    is_given_rotated = False

    def rotate(self, x: torch.Tensor) -> torch.Tensor:
        """(…, cols) from the basis of the model to that in which weights are rounded, and back."""
        return x
