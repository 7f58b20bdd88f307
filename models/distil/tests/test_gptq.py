import unittest
from unittest import mock

import torch

from outrider_distil import choices, codebooks, gptq, quantise


class ColumnByColumn(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(6)
        self.weight = torch.randn(12, 40)
        inputs = torch.randn(300, 8) @ torch.randn(8, 40) + 0.3 * torch.randn(300, 40) * torch.rand(40)
        self.gram = inputs.T @ inputs

    def lost(self, rounded: torch.Tensor) -> float:
        wrong = rounded - self.weight
        return ((wrong @ self.gram) * wrong).sum().item()

    def test_later_columns_take_what_the_inverse_without_the_earlier_ones_gives_them(self):
        gram = self.gram + gptq.DAMPING * self.gram.diagonal().mean() * torch.eye(40)
        values = torch.tensor([-1.5, -0.4, 0.4, 1.5]).expand(12, 4)
        weight, codes = self.weight.double(), []
        for k in range(40):
            # Equation 2 of the paper: the inverse is of the columns that are not rounded yet.
            inverse = torch.linalg.inv(gram[k:, k:].double())
            codes.append((weight[:, k, None] - values).abs().argmin(-1))
            lost = weight[:, k] - values.gather(1, codes[k][:, None])[:, 0]
            weight[:, k:] -= lost[:, None] / inverse[0, 0] * inverse[0]
        for batch in (7, 128):
            with mock.patch.object(gptq, "BATCH", batch):
                found = gptq.chosen(self.weight, gptq.inverse_factor(gram), choices.Values(values))
            self.assertTrue(torch.equal(found, torch.stack(codes, 1)), batch)

    def test_later_columns_take_what_a_word_lost_of_its_columns_together(self):
        gram = self.gram + gptq.DAMPING * self.gram.diagonal().mean() * torch.eye(40)
        entries = choices.Words(0.5 + torch.rand(12), torch.randn(7, 4))
        weight, codes = self.weight.double(), []
        for k in range(0, 40, 4):
            inverse = torch.linalg.inv(gram[k:, k:].double())
            # What four columns lose where all later ones make up for them.
            cost = torch.linalg.inv(inverse[:4, :4])
            far = weight[:, None, k : k + 4] - entries.scales[:, None, None] * entries.words
            codes.append(torch.einsum("rnd,de,rne->rn", far, cost, far).argmin(1))
            lost = far[torch.arange(12), codes[-1]]
            weight[:, k:] -= lost @ cost @ inverse[:4]
        for batch in (8, 128):
            with mock.patch.object(gptq, "BATCH", batch):
                found = gptq.chosen(self.weight, gptq.inverse_factor(gram), entries)
            self.assertTrue(torch.equal(found, torch.stack(codes, 1)), batch)

    def test_loses_less_than_the_nearest_values_and_fits_the_format(self):
        form = quantise.FORMATS["lut4"](self.weight)
        rounded = gptq.rounded(self.weight, self.gram, "lut4")
        self.assertLess(self.lost(rounded), 0.75 * self.lost(form(self.weight).detach()))
        self.assertLess((quantise.FORMATS["lut4"](rounded)(rounded) - rounded).abs().max().item(), 1e-6)

    def test_the_grid_of_a_row_is_that_of_the_values_it_has(self):
        for entries in (8, 16):
            form = codebooks.RowCodebook(self.weight, entries)
            with torch.no_grad():
                # No weight has the least or the largest value.
                codes = choices.between(form.values(), self.weight).clamp(1, entries - 2)
                form.refit(self.weight, codes, self.gram)
                for row in form.taken(codes):
                    steps = 63 * (row - row.min()) / (row.max() - row.min())
                    self.assertLess((steps - steps.round()).abs().max().item(), 1e-3)

    def test_values_are_those_that_lose_least_with_their_codes(self):
        form = codebooks.RowCodebook(self.weight, 8)
        with torch.no_grad():
            codes = choices.between(form.values(), self.weight)
            before = self.lost(form.values().gather(1, codes))
            form.refit(self.weight, codes, self.gram)
            fitted = form.entries.gather(1, codes)
            self.assertLess(self.lost(fitted), before)
            for change in (-0.02, 0.02):
                for code in range(8):
                    other = form.entries.clone()
                    other[:, code] += change
                    self.assertGreater(self.lost(other.gather(1, codes)), self.lost(fitted))
            scales, levels = torch.ones(12), torch.tensor([-1.5, -0.5, 0.5, 1.5])
            chosen = levels[choices.between(levels.expand(12, -1), self.weight)]
            scaled = choices.refitted(scales, self.weight, chosen, self.gram)[:, None] * chosen
            for change in (0.99, 1.01):
                self.assertGreater(self.lost(change * scaled), self.lost(scaled))
