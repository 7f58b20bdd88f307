import itertools
import unittest
from unittest import mock

import torch

from outrider_distil import choices, gptq, quantise


class Descent(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(8)
        self.weight = torch.randn(6, 10)
        self.gram, self.metric = (part.T @ part / 40 for part in (torch.randn(40, 10), torch.randn(40, 6)))
        self.values = (torch.rand(6, 1) + 0.5) * torch.tensor([-1.5, -0.45, 0.45, 1.5])
        self.codes = choices.between(self.values, self.weight)

    def lost(self, codes: torch.Tensor, metric: torch.Tensor) -> float:
        far = (self.weight - self.values.gather(1, codes)).double()
        return torch.trace(metric.double() @ far @ self.gram.double() @ far.T).item()

    def test_each_weight_takes_the_value_that_loses_least_by_trying_all(self):
        for metric_of in (None, self.metric):
            found = gptq.mended(self.weight, self.codes, choices.Values(self.values), self.gram, metric_of)
            whole = torch.eye(6) if metric_of is None else metric_of
            codes = self.codes.clone()
            for row, col in itertools.product(range(6), range(10)):
                tries = []
                for code in range(4):
                    codes[row, col] = code
                    tries.append(self.lost(codes, whole))
                codes[row, col] = tries.index(min(tries))
            self.assertTrue(torch.equal(found, codes))
            self.assertLess(self.lost(found, whole), 0.9 * self.lost(self.codes, whole))

    def test_each_word_is_the_one_that_loses_least_by_trying_all(self):
        entries = choices.Words(0.5 + torch.rand(6), torch.randn(5, 4))
        weight, inputs = torch.randn(6, 12), torch.randn(40, 12)
        gram = inputs.T @ inputs / 40
        first = torch.randint(0, 5, (6, 3))

        def lost(codes: torch.Tensor, whole: torch.Tensor) -> float:
            far = (weight - entries.at(codes)).double()
            return torch.trace(whole.double() @ far @ gram.double() @ far.T).item()

        for metric_of in (None, self.metric):
            found = gptq.mended(weight, first, entries, gram, metric_of)
            whole = torch.eye(6) if metric_of is None else metric_of
            codes = first.clone()
            for row, group in itertools.product(range(6), range(3)):
                tries = []
                for code in range(5):
                    codes[row, group] = code
                    tries.append(lost(codes, whole))
                codes[row, group] = tries.index(min(tries))
            self.assertTrue(torch.equal(found, codes))
            self.assertLess(lost(found, whole), 0.9 * lost(first, whole))

    def test_loses_less_than_gptq_and_by_the_metric_less_still(self):
        for kind in ("q2had", "q3had", "q2add", "q3add"):
            weight, inputs = torch.randn(24, 64), torch.randn(200, 16) @ torch.randn(16, 64) + torch.randn(200, 64)
            few = torch.randn(24, 5)
            gram, metric_of = inputs.T @ inputs, few @ few.T + 0.05 * torch.eye(24)
            with mock.patch.object(gptq, "SWEEPS", 0):
                first = gptq.rounded(weight, gram, kind)
            plain, weighed = (gptq.rounded(weight, gram, kind, by) for by in (None, metric_of))
            losses = [
                torch.trace(by @ (weight - made) @ gram @ (weight - made).T).item()
                for made, by in (
                    (plain, torch.eye(24)),
                    (first, torch.eye(24)),
                    (weighed, metric_of),
                    (plain, metric_of),
                )
            ]
            self.assertLess(losses[0], losses[1], kind)
            self.assertLess(losses[2], 0.9 * losses[3], kind)
            form = quantise.FORMATS[kind](weighed)
            form.is_given_rotated = False
            self.assertLess((form(weighed) - weighed).abs().max().item(), 1e-5, kind)
