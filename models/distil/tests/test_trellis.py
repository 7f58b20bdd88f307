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

    def test_the_best_paths_are_followed_as_by_trying_all_codes_of_each(self):
        for books, size in ((chains.TWO_BOOKS, chains.TWO_SCALE), (chains.THREE_BOOKS, chains.THREE_SCALE)):
            all_words = chains.chained(books, torch.device("cpu"))
            own, onward = all_words.split(4, 1)
            inputs = torch.randn(90, 32) + torch.randn(90, 1)
            upper = torch.linalg.cholesky((inputs.T @ inputs / 90).flip(0, 1)).flip(0, 1)
            weight = torch.randn(3, 32) / size
            codes = np.zeros((3, 8), np.int32)
            last = np.full(3, 5, np.int32)
            trellis.search(array(weight), last, array(upper), array(own.T), array(onward.T), 12, codes)
            for row, found in zip(weight, codes):
                self.assertEqual(found.tolist(), self.by_trying_all(row, upper, own, onward, 5, 12))

    def by_trying_all(
        self, row: torch.Tensor, upper: torch.Tensor, own: torch.Tensor, onward: torch.Tensor, before: int, beam: int
    ) -> list[int]:
        """Of a row (cols): the codes of the best path, where `beam` are followed."""
        count, paths = len(own), [(0.0, [], torch.zeros(0))]
        for step in range(len(row) // 4):
            columns = slice(4 * step, 4 * step + 4)
            options = []
            for cost, codes, lost in paths:
                far = row[columns] - onward[codes[-1] if codes else before] - own
                every = torch.cat([lost.expand(count, -1), far], 1)
                costs = cost + (every @ upper[: 4 * step + 4, columns]).square().sum(1)
                options += [(one.item(), [*codes, n], part) for n, (one, part) in enumerate(zip(costs, every))]
            # Of all paths that end in one code the best.
            best: dict[int, tuple] = {}
            for option in sorted(options, key=lambda option: option[0]):
                best.setdefault(option[1][-1], option)
            paths = list(best.values())[:beam]
        return paths[0][1]

    @torch.no_grad()
    def test_a_window_keeps_what_stands_beside_it(self):
        torch.manual_seed(6)
        weight, inputs = torch.randn(6, 64), torch.randn(90, 64) + torch.randn(90, 1)
        gram = inputs.T @ inputs / 90
        form = chains.ROTATED_CHAINS["q2tcq"](weight)
        choices = form.choices()
        codes = trellis.chosen(weight / form.scales[:, None], form.words)
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
