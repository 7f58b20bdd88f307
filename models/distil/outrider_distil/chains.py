"""
Codes in a chain, as a pack holds them (src/core/model/formats/chained-books.ts): as words.py has them, but an entry adds to
the four columns behind its own as well. Codes are searched along whole rows (trellis.py).
"""

from functools import cache

import torch

from . import trellis
from .choices import Chain
from .words import RotatedSums, words_of

# Over the root mean square of a row of a normal distribution, its scale.
TWO_SCALE, THREE_SCALE = 1.483, 1.863

# The first eight entries of each book; the other eight are these with the opposite sign.
TWO_BOOKS = (
    (
        (108, 63, -8, 57, -2, 36, -37, -36),
        (89, 77, -66, -40, -10, 7, 29, 12),
        (73, -22, 37, 40, 42, 59, 24, 26),
        (38, -49, -111, 83, -46, -2, 11, 21),
        (30, 52, -25, 1, 32, -29, 10, -55),
        (28, -33, -6, -50, -68, 34, 56, -58),
        (21, -15, 80, -14, -1, 63, -33, -70),
        (17, -18, -28, -127, 39, 23, 8, 25),
    ),
    (
        (57, -65, 74, -29, -14, -3, -23, 35),
        (54, 38, 107, 3, -72, -19, 36, 33),
        (52, 21, 54, -40, 55, -73, -39, 15),
        (47, -106, -25, -10, -74, 32, -37, 24),
        (42, -4, 4, 63, -30, -85, -22, 11),
        (25, -29, -62, -104, -20, -35, -30, -33),
        (18, -58, -29, 24, 51, -15, -27, -13),
        (10, 58, -41, -9, -31, 66, -63, 26),
    ),
)
THREE_BOOKS = (
    (
        (127, 81, 7, 25, -27, 4, 34, 15),
        (53, 32, -28, 36, -8, -62, 4, 9),
        (42, -5, 27, -27, 4, -5, -6, 14),
        (18, 52, 19, -75, -3, 68, 24, 27),
        (18, 1, 98, -59, -6, 21, -31, -30),
        (16, -19, 72, 68, 23, -11, 25, -37),
        (15, 14, -2, 33, -39, -23, -1, -29),
        (2, -14, -44, -15, 14, 30, 2, -20),
    ),
    (
        (79, -16, -50, 15, 16, -31, 6, -19),
        (45, 37, -23, 8, -20, 20, -32, 20),
        (35, -39, -11, -38, -38, -10, 35, 52),
        (28, 14, -60, -52, -4, 25, -6, 9),
        (19, 24, 38, 9, 44, -47, -70, 22),
        (10, -31, 16, 40, -15, 17, -44, 8),
        (3, 2, -34, 94, -80, 49, 32, -14),
        (2, 63, -1, 25, -54, 11, 23, -10),
    ),
    (
        (42, -62, 7, 9, 3, -1, 39, -13),
        (42, -3, 65, 8, 39, -7, 19, -28),
        (31, 24, 8, -55, -19, 32, 17, -5),
        (25, 24, 8, -9, -20, 3, 16, -2),
        (23, -17, 2, 39, -21, -12, -53, -14),
        (19, -13, -11, 10, -7, -28, 16, 28),
        (6, -51, 20, -15, 7, 10, -19, 73),
        (2, 37, 5, 43, 20, 1, -2, 1),
    ),
)


@cache
def chained(books: tuple, device: torch.device) -> torch.Tensor:
    """As words.words_of, in the order in which they are searched."""
    return trellis.side_by_side(words_of(books, device))


class RotatedChains(RotatedSums):
    """q2tcq and q3tcq."""

    def nearest(self, weight: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        return self.spelled(trellis.chosen(weight / scales[:, None], self.words).to(weight.device))

    def spelled(self, codes: torch.Tensor) -> torch.Tensor:
        return trellis.spelled(self.words, codes)

    def choices(self) -> Chain:
        return Chain(self.scales, self.words)


ROTATED_CHAINS = {
    "q2tcq": lambda weight: RotatedChains(weight, chained(TWO_BOOKS, weight.device), TWO_SCALE),
    "q3tcq": lambda weight: RotatedChains(weight, chained(THREE_BOOKS, weight.device), THREE_SCALE),
}
