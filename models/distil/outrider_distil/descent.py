"""
Coordinate descent on a matrix that is rounded already: each weight in turn takes the value that loses least where all
others stay (QuantEase, Behdin et al. 2023, arXiv 2309.01885). With E = W − W′ it lessens tr(M E G Eᵀ). G is the sum of
x xᵀ over inputs of the matrix, M that of g gᵀ over derivatives of the model's loss at its outputs: a Kronecker product
for the Hessian of that loss (YAQA, Tseng, Sun, De Sa 2025, arXiv 2505.22988). Without M rows do not know each other.

Weights come one after the other, so there are as many steps as weights. Numba compiles them, and they run on the
processor, whatever device the matrix is on.
"""

import numpy as np
import torch
from numba import njit


@torch.no_grad()
def mended(
    weight: torch.Tensor, codes: torch.Tensor, values: torch.Tensor, gram: torch.Tensor, metric: torch.Tensor | None
) -> torch.Tensor:
    """
    Codes (rows, cols) after every weight has been looked at once. weight: (rows, cols). values: (rows, n), rising.
    gram: (cols, cols). metric: (rows, rows); None: every row for itself.
    """
    found = codes.to(device="cpu", dtype=torch.uint8, copy=True).contiguous()
    outputs = None if metric is None else _array(metric)
    far = _array(weight - values.gather(1, codes))
    _descend(_array(weight), _array(values), _array(gram), outputs, far, found.numpy())
    return found.to(codes)


def _array(part: torch.Tensor) -> np.ndarray:
    return part.float().cpu().contiguous().numpy()


@njit(fastmath=True, cache=True)
def _descend(weight, values, gram, metric, far, codes):
    """far: weight − what it is rounded to. Changes far and codes."""
    rows, cols = weight.shape
    count = values.shape[1]
    slope, lacking = gram[0].copy(), far[0].copy()
    for row in range(rows):
        # What the row would have to give, less what it gives, so that it makes up for the others' errors as well.
        lacking[:] = far[row]
        if metric is not None:
            for other in range(rows):
                share = metric[row, other] / metric[row, row]
                if other != row and share != 0:
                    for col in range(cols):
                        lacking[col] += share * far[other, col]
        slope[:] = 0
        for other in range(cols):
            for col in range(cols):
                slope[col] += lacking[other] * gram[other, col]
        for col in range(cols):
            taken = values[row, codes[row, col]]
            wanted = taken + slope[col] / gram[col, col]
            code = 0
            for n in range(1, count):
                if 2 * wanted > values[row, n - 1] + values[row, n]:
                    code = n
            if code != codes[row, col]:
                change = taken - values[row, code]
                codes[row, col] = code
                for other in range(cols):
                    slope[other] += change * gram[col, other]
        for col in range(cols):
            far[row, col] = weight[row, col] - values[row, codes[row, col]]
