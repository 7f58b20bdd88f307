import unittest

import numpy as np
import torch

from outrider_distil import chains, trellis, words
from outrider_distil.arrays import array


class Trellis(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(5)
        self.words = words.words_of(chains.TWO_BOOKS, torch.device("cpu"))
        self.weight = torch.randn(2, 12) / chains.TWO_SCALE

    def losses(self, row: torch.Tensor, factor: torch.Tensor, before: int = -1) -> torch.Tensor:
        """(256, 256, 256): what the row loses behind the factor by each three codes."""
        own, onward = self.words.split(4, 1)
        shape = (256, 256, 256, 4)
        first = (own if before < 0 else own + onward[before])[:, None, None].expand(shape)
        second = (onward[:, None] + own)[:, :, None].expand(shape)
        third = (onward[:, None] + own)[None].expand(shape)
        total = 0
        for column in range(12):
            seen = (row @ factor)[column].expand(shape[:3]).clone()
            for at, part in enumerate((first, second, third)):
                for i in range(4):
                    share = factor[4 * at + i, column]
                    if share != 0:
                        seen -= share * part[..., i]
            total = total + seen.square()
        return total

    def found(self, factor: torch.Tensor, before: int = -1) -> np.ndarray:
        own, onward = (array(part.T) for part in self.words.split(4, 1))
        codes = np.zeros((2, 3), np.int32)
        last = np.full(2, before, np.int32)
        trellis.search(array(self.weight), last, array(factor), own, onward, 256, codes)
        return codes

    def test_no_codes_are_nearer_by_trying_all(self):
        for before in (-1, 77):
            codes = self.found(torch.eye(12), before)
            for row, own in zip(self.weight, codes):
                losses = self.losses(row, torch.eye(12), before)
                self.assertAlmostEqual(losses[tuple(own)].item(), losses.min().item(), 5)

    def test_columns_make_up_for_those_before_them(self):
        inputs = torch.randn(60, 12) + 2 * torch.randn(60, 1)
        gram = inputs.T @ inputs / 60
        upper = torch.linalg.cholesky(gram.flip(0, 1)).flip(0, 1)
        self.assertTrue(torch.allclose(upper @ upper.T, gram, atol=1e-4))
        alone, together, least = 0, 0, 0
        for row, first, second in zip(self.weight, self.found(torch.eye(12)), self.found(upper)):
            losses = self.losses(row, upper)
            alone, together, least = (
                alone + losses[tuple(first)],
                together + losses[tuple(second)],
                least + losses.min(),
            )
        self.assertLess(together, 0.9 * alone)
        # Not all paths are followed to their end.
        self.assertLess(together, 1.2 * least)

    @torch.no_grad()
    def test_a_window_keeps_what_stands_beside_it(self):
        torch.manual_seed(6)
        weight, inputs = torch.randn(6, 64), torch.randn(90, 64) + torch.randn(90, 1)
        gram = inputs.T @ inputs / 90
        form = chains.RotatedChains(weight, chains.TWO_BOOKS, chains.TWO_SCALE)
        choices = form.choices()
        codes = trellis.chosen(weight / form.scales[:, None], self.words)
        metric = torch.randn(6, 20)
        metric = metric @ metric.T / 20

        def lost(codes: torch.Tensor) -> float:
            far = (weight - choices.at(codes)).double()
            return torch.trace(metric.double() @ far @ gram.double() @ far.T).item()

        for turn in (0, 1):
            far = array(weight - choices.at(codes))
            made = codes.to(torch.int16).numpy().copy()
            choices.sweeper(gram, turn)(slice(0, 6), array(metric), array(weight), far, made)
            again = torch.from_numpy(made).long()
            # What is kept of the errors is what the codes lose.
            self.assertTrue(torch.allclose(torch.from_numpy(far), weight - choices.at(again), atol=1e-5))
            self.assertLess(lost(again), lost(codes))
            codes = again


if __name__ == "__main__":
    unittest.main()
