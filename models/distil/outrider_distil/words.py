"""
Additive codes, as a pack holds them (src/core/model/formats/books.ts): four neighbouring columns of a row, in another basis,
are a sum of one entry of each of two books or three, times the row's scale (Babenko, Lempitsky 2014, CVPR; AQLM,
Egiazarian et al. 2024, arXiv 2401.06118). Which entries they are is searched, by GPTQ or among all, and does not learn;
scales do.
"""

from functools import cache

import numpy as np
import torch
from torch import nn

from .arrays import array
from .choices import Words, refitted
from .form import ROTATED, Form, rotated
from .held import UNIT, held_scales

# Over the root mean square of a row of a normal distribution, its scale.
TWO_SCALE, THREE_SCALE = 1.798, 1.921
COLUMNS = 4  # of a code
PART = 1 << 21  # products of a search at once

# The first eight entries of each book; the other eight are these with the opposite sign.
TWO_BOOKS = (
    (
        (127, -43, -5, 9),
        (117, 61, -26, 4),
        (54, 22, 35, -14),
        (47, -15, -47, -18),
        (43, 126, 8, -16),
        (14, 54, -18, 37),
        (-26, 49, -7, -42),
        (-58, 119, 19, 10),
    ),
    (
        (46, -15, 43, 24),
        (29, -1, 124, -44),
        (12, -13, 43, 127),
        (0, -1, 122, 58),
        (-4, 20, -57, 120),
        (-16, -39, -24, 51),
        (-18, 38, 23, 50),
        (-31, -22, 55, -18),
    ),
)
THREE_BOOKS = (
    (
        (76, 48, 48, -49),
        (47, -51, 70, -11),
        (46, -64, 65, 80),
        (45, -3, 22, 31),
        (8, 72, 8, 82),
        (0, -33, -5, 127),
        (-27, -4, 76, 34),
        (-49, 56, 39, 2),
    ),
    (
        (82, -24, 23, 8),
        (71, 39, -65, -23),
        (48, 67, 62, 5),
        (47, 2, -18, 20),
        (26, 50, -45, 45),
        (16, -8, 85, -75),
        (-7, 93, 3, -23),
        (-39, 49, 49, 28),
    ),
    (
        (77, -18, -12, -19),
        (73, 57, -15, 33),
        (36, 22, 16, 25),
        (28, 5, -27, 14),
        (1, 24, -5, -8),
        (-12, 3, 9, 53),
        (-23, 67, 6, 26),
        (-28, 28, 84, 0),
    ),
)


@cache
def words_of(books: tuple, device: torch.device) -> torch.Tensor:
    """(16 ** books, columns): the sums of entries, by codes whose lowest four bits name that of the first book."""
    sums = torch.zeros(1, len(books[0][0]))
    for book in books:
        half = torch.tensor(book) / UNIT
        sums = (torch.cat([half, -half])[:, None] + sums).flatten(0, 1)
    return sums.to(device)


class RotatedSums(Form):
    """q2add and q3add."""

    def __init__(self, weight: torch.Tensor, words: torch.Tensor, size: float):
        """words: (n, columns). size: TWO_SCALE, or what other books have in its place."""
        super().__init__()
        self.register_buffer("words", words, persistent=False)
        # (rows, cols): what rows are before their scales, in the basis of the model.
        self.register_buffer("unit", None, persistent=False)
        weight = rotated(weight.detach().float())
        first = (size * weight.square().mean(-1).sqrt()).clamp_min(1e-8)
        held = np.empty(len(weight), np.float32)
        held_scales(array(weight[:, :ROTATED]), array(first), held)
        held = torch.from_numpy(held).to(first)
        self.scales = nn.Parameter(torch.where(held > 0, held, first))

    def nearest(self, weight: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        """(rows, cols): what the rows are rounded to, before their scales."""
        flat = (weight / scales[:, None]).unflatten(-1, (-1, COLUMNS)).flatten(0, 1)
        halves = self.words.square().sum(1) / 2
        parts = flat.split(max(1, PART // len(self.words)))
        codes = torch.cat([(part @ self.words.T - halves).argmax(1) for part in parts])
        return self.words[codes].view(weight.shape)

    def spelled(self, codes: torch.Tensor) -> torch.Tensor:
        """(rows, cols): what codes stand for, before the scales."""
        return self.words[codes].flatten(1)

    def choices(self) -> Words:
        return Words(self.scales, self.words)

    def refit(self, weight: torch.Tensor, codes: torch.Tensor, gram: torch.Tensor) -> None:
        """As RowCodebook.refit: the scales."""
        self.scales.copy_(refitted(self.scales, weight, self.spelled(codes), gram))

    def taken(self, codes: torch.Tensor) -> torch.Tensor:
        """As RowCodebook.taken."""
        return self.choices().at(codes)

    def rotate(self, x: torch.Tensor) -> torch.Tensor:
        return rotated(x)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Returns the weight rounded, in the basis of the model. Words are those of the first weight that is given."""
        if self.unit is None:
            with torch.no_grad():
                own = weight if self.is_given_rotated else rotated(weight)
                self.unit = rotated(self.nearest(own, self.scales))
        return self.scales[:, None] * self.unit


ROTATED_SUMS = {
    "q2add": lambda weight: RotatedSums(weight, words_of(TWO_BOOKS, weight.device), TWO_SCALE),
    "q3add": lambda weight: RotatedSums(weight, words_of(THREE_BOOKS, weight.device), THREE_SCALE),
}
