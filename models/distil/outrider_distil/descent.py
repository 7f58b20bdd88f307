"""
Coordinate descent on a matrix that is rounded already: each weight, or each few that share a code, in turn takes the
value that loses least where all others stay (QuantEase, Behdin et al. 2023, arXiv 2309.01885). With E = W − W′ it
lessens tr(M E G Eᵀ). G is the sum of x xᵀ over inputs of the matrix, M that of g gᵀ over derivatives of the model's
loss at its outputs: a Kronecker product for the Hessian of that loss (YAQA, Tseng, Sun, De Sa 2025, arXiv 2505.22988).
Without M rows do not know each other.

Weights come one after the other, so there are as many steps as codes. Numba compiles them, and they run on the
processor, whatever device the matrix is on. `far` is the weight less what it is rounded to.
"""

import numpy as np
from numba import njit


@njit(fastmath=True, cache=True, nogil=True)
def sweep_values(weight, values, gram, metric, far, codes):
    """values: (rows, n), rising. Changes far and codes, (rows, cols) both."""
    rows, cols = weight.shape
    count = values.shape[1]
    slope, lacking = gram[0].copy(), far[0].copy()
    for row in range(rows):
        begin(row, far, gram, metric, lacking, slope)
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


@njit(fastmath=True, cache=True, nogil=True)
def sweep_words(weight, scales, words, halves, gram, metric, far, codes):
    """
    words: (4, n), by column. halves: (cols / 4, n), half of what each word costs by the Gram matrix of its columns.
    Changes far (rows, cols) and codes (rows, cols / 4).
    """
    rows, cols = weight.shape
    count = words.shape[1]
    slope, lacking, gains = gram[0].copy(), far[0].copy(), words[0].copy()
    wanted, change = words[:, 0].copy(), words[:, 0].copy()
    for row in range(rows):
        begin(row, far, gram, metric, lacking, slope)
        scale = scales[row]
        for group in range(cols // 4):
            before, first = codes[row, group], 4 * group
            for i in range(4):
                # The slope where the word that is there now is taken away, over the scale.
                wanted[i] = slope[first + i] / scale
                for other in range(4):
                    wanted[i] += gram[first + i, first + other] * words[other, before]
            most = np.float32(-np.inf)
            for n in range(count):
                gain = wanted[0] * words[0, n] + wanted[1] * words[1, n] - halves[group, n]
                gain += wanted[2] * words[2, n] + wanted[3] * words[3, n]
                gains[n] = gain
                most = max(most, gain)
            if gains[before] < most:
                code = 0
                while gains[code] < most:
                    code += 1
                codes[row, group] = code
                for i in range(4):
                    change[i] = scale * (words[i, before] - words[i, code])
                for other in range(cols):
                    given = change[0] * gram[first, other] + change[1] * gram[first + 1, other]
                    slope[other] += given + change[2] * gram[first + 2, other] + change[3] * gram[first + 3, other]
        for col in range(cols):
            far[row, col] = weight[row, col] - scale * words[col % 4, codes[row, col // 4]]


@njit(fastmath=True, cache=True, nogil=True)
def begin(row, far, gram, metric, lacking, slope):
    """
    Writes what the row would have to give, less what it gives, so that it makes up for the others' errors as well; and
    half of how much the loss falls by each weight of it.
    """
    rows, cols = far.shape
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
