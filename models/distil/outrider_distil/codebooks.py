"""
Formats in which each weight has one of a few values: those of its row's own codebook, or levels that all matrices share,
times a scale of the row, in another basis.
"""

import torch
import torch.nn.functional as F
from torch import nn

from .choices import Values, refitted
from .first_values import first_scales, first_values
from .form import Form, rotated
from .nearest_value import (
    TakenByCode,
    TakenByComparison,
    compiled_levels,
    levels_of,
    nearest,
    on_grid,
    product_type,
    sums_by_level,
)

NORMAL_LEVELS = (-1, -0.2998, 0.2998, 1)  # of q2had (src/core/model/formats/q2had.ts)
STEPS = (-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5)  # of q3had (src/core/model/formats/q3had.ts)


class RowCodebook(Form):
    """lut4: 16 values per row, on a grid. Weights are rounded to the nearest of them."""

    def __init__(self, weight: torch.Tensor, entries: int):
        super().__init__()
        self.entries = nn.Parameter(first_values(weight.detach().float(), entries))
        self.compiled = None

    def values(self) -> torch.Tensor:
        """(rows, entries), rising."""
        return on_grid(self.entries.sort(-1).values)

    def choices(self) -> Values:
        return Values(self.values())

    def refit(self, weight: torch.Tensor, codes: torch.Tensor, gram: torch.Tensor) -> None:
        """
        The values that lose least where each weight has the code (rows, cols) among them. gram: as in gptq.rounded.
        """
        entries = self.entries.shape[1]
        for row, (own, before) in enumerate(zip(codes, self.values())):
            members = F.one_hot(own, entries).to(gram.dtype)
            among = gram @ members
            square = members.T @ among
            square += 1e-6 * square.diagonal().mean() * torch.eye(entries, device=gram.device)
            found = before + torch.linalg.solve(square, among.T @ (weight[row] - before[own]))
            # The grid of a row reaches from the least to the largest of the values that it has, so a value that no
            # weight has becomes one of those.
            self.entries[row] = torch.where(members.sum(0) > 0, found, found[own[0]])

    def taken(self, codes: torch.Tensor) -> torch.Tensor:
        """(rows, cols) from the codes that values were refitted to."""
        return on_grid(self.entries).gather(1, codes)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        values = self.values()
        if self.compiled:
            return TakenByComparison.apply(weight, values, *self.compiled, product_type(weight))
        with torch.no_grad():
            codes = nearest(values, weight)
        return TakenByCode.apply(weight, values, codes)

    def compile(self) -> None:
        """As RotatedLevels.compile. Compiled comparisons are faster than a table."""
        self.compiled = compiled_levels()


class RotatedLevels(Form):
    """q2had: four levels that all matrices share, and a scale per row (src/core/model/formats/q2had.ts)."""

    fixed = NORMAL_LEVELS

    def __init__(self, weight: torch.Tensor):
        super().__init__()
        levels = torch.tensor(self.fixed, device=weight.device)
        self.register_buffer("levels", levels)
        self.scales = nn.Parameter(first_scales(rotated(weight.detach().float()), levels))
        self.choose, self.by_values = levels_of, sums_by_level

    def values(self) -> torch.Tensor:
        """(rows, levels), rising."""
        return self.scales.abs().clamp_min(1e-8)[:, None] * self.levels

    def choices(self) -> Values:
        return Values(self.values())

    def refit(self, weight: torch.Tensor, codes: torch.Tensor, gram: torch.Tensor) -> None:
        """As RowCodebook.refit. The levels stay, the scales are fitted."""
        self.scales.copy_(refitted(self.scales, weight, self.levels[codes], gram))

    def taken(self, codes: torch.Tensor) -> torch.Tensor:
        """As RowCodebook.taken."""
        return self.values().gather(1, codes)

    def rotate(self, x: torch.Tensor) -> torch.Tensor:
        return rotated(x)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Returns the weight rounded, in the basis of the model."""
        own = weight if self.is_given_rotated else rotated(weight)
        rounded = TakenByComparison.apply(own, self.values(), self.choose, self.by_values, product_type(own))
        return rotated(rounded)

    def compile(self) -> None:
        """Rounds as compiled code from here on: one loop over the weights where PyTorch's operations are ten."""
        self.choose, self.by_values = compiled_levels()


class RotatedSteps(RotatedLevels):
    """q3had: in eight even steps (src/core/model/formats/q3had.ts)."""

    fixed = STEPS
