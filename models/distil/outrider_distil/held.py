"""
The scales of rows that are in a format of books already (words.py, chains.py). Such a row is its scale over 128 times
whole numbers, sums of entries. So its scale is that which makes whole numbers of a few of its columns.
"""

import numpy as np
from numba import njit

UNIT = 128  # what entries are divided by
# Scales that are tried, over the first. Half a scale makes whole numbers as well, so the largest come first.
LEAST, MOST = 0.4, 2
STEP = 2e-4  # of a scale from one that is tried to the next: whole numbers of some hundreds then miss by few hundredths
NEAR = 0.12  # of a whole number
HELD = 1e-5  # of a row's size: a rotation and back, in f32


@njit(cache=True, nogil=True)
def held_scales(few, first, found):
    """few: (rows, columns) of rows, in their own basis. first: (rows). Writes a scale for each row, or 0."""
    rows, cols = few.shape
    for row in range(rows):
        found[row] = 0
        own = few[row].astype(np.float64)
        size = np.sqrt((own * own).sum())
        scale = MOST * first[row]
        while size > 0 and scale > LEAST * first[row]:
            col = 0
            while col < cols and abs(own[col] * UNIT / scale - np.rint(own[col] * UNIT / scale)) < NEAR:
                col += 1
            if col == cols:
                numbers = np.rint(own * UNIT / scale)
                fitted = UNIT * (own * numbers).sum() / (numbers * numbers).sum()
                lost = own - fitted * numbers / UNIT
                if np.sqrt((lost * lost).sum()) <= HELD * size:
                    found[row] = fitted
                    break
            scale *= 1 - STEP
