import unittest
from unittest import mock

import torch

from outrider_distil import loss

from .support import ONES, VOCABULARY


def mean_loss(
    logits: torch.Tensor, rows: torch.Tensor, logs: torch.Tensor, share: float, weights: torch.Tensor
) -> torch.Tensor:
    """At a head that changes nothing."""
    return loss.at_head(logits, torch.eye(logits.shape[1]), rows, logs, share, weights)


class Losses(unittest.TestCase):
    def named(self, logits: torch.Tensor, top: int) -> tuple[torch.Tensor, torch.Tensor]:
        likeliest = logits.log_softmax(-1).topk(top)
        return likeliest.indices, likeliest.values

    def test_are_zero_for_equals_and_what_sampling_keeps(self):
        logits, other = torch.randn(6, VOCABULARY), torch.randn(6, VOCABULARY)
        places, logs = self.named(logits, VOCABULARY)
        for share in (0, 0.5, 1):
            self.assertAlmostEqual(mean_loss(logits, places, logs, share, ONES).item(), 0, places=4)
        p, q = logits.softmax(-1), other.softmax(-1)
        variation = (p - q).abs().sum(-1) / 2
        self.assertAlmostEqual(
            mean_loss(other, places, logs, 1, ONES).item(), -(1 - variation).log().mean().item(), places=4
        )
        self.assertAlmostEqual(
            mean_loss(other, places, logs, 0, ONES).item(), (p * (p / q).log()).sum(-1).mean().item(), places=4
        )

    def test_what_is_not_named_is_one_token_more(self):
        teacher, predicted = torch.randn(6, VOCABULARY), torch.randn(6, VOCABULARY)
        places, logs = self.named(teacher, 5)
        p, q = teacher.softmax(-1).gather(1, places), predicted.softmax(-1).gather(1, places)
        p, q = (torch.cat([part, 1 - part.sum(-1, keepdim=True)], -1) for part in (p, q))
        self.assertAlmostEqual(
            mean_loss(predicted, places, logs, 0, ONES).item(), (p * (p / q).log()).sum(-1).mean().item(), places=4
        )

    def test_a_colder_teacher_is_the_softmax_of_its_logits_over_the_temperature(self):
        teacher = torch.randn(6, VOCABULARY)
        places, logs = self.named(teacher, VOCABULARY)
        colder = loss.at_temperature(logs, 0.5)
        self.assertTrue(torch.allclose(colder.exp(), (teacher / 0.5).softmax(-1).gather(1, places), atol=1e-6))
        self.assertIs(loss.at_temperature(logs, 1), logs)

    def test_places_count_by_their_weights(self):
        predicted, (places, logs) = torch.randn(6, VOCABULARY), self.named(torch.randn(6, VOCABULARY), 5)
        first = mean_loss(predicted[:2], places[:2], logs[:2], 0.5, ONES[:2])
        self.assertAlmostEqual(
            mean_loss(predicted, places, logs, 0.5, torch.tensor([3.0, 3, 0, 0, 0, 0])).item(), first.item(), places=5
        )

    def test_their_gradients_are_those_of_plain_operations(self):
        torch.manual_seed(0)
        states, weight = torch.randn(9, 16, requires_grad=True), torch.randn(40, 16, requires_grad=True)
        rows = torch.stack([torch.randperm(40)[:6] for _ in range(9)])
        rows[2, 3] = rows[7, 0] = -1
        logs, weights = torch.randn(9, 8).log_softmax(-1)[:, :6], torch.rand(9)
        for share in (0.0, 0.5):
            plain = (states @ weight.T).log_softmax(-1).gather(1, rows.clamp_min(0))
            wanted = (loss.mixed(plain, rows, logs, share) * weights).sum() / weights.sum()
            gradients = torch.autograd.grad(3 * wanted, (states, weight))
            with mock.patch.object(loss, "PART", 4):
                value = loss.at_head(states, weight, rows, logs, share, weights)
            self.assertAlmostEqual(value.item(), wanted.item(), places=5)
            for mine, theirs in zip(torch.autograd.grad(3 * value, (states, weight)), gradients):
                self.assertTrue(torch.allclose(mine, theirs, atol=1e-6))

    def test_what_cannot_be_said_counts_for_nothing(self):
        predicted = torch.randn(1, VOCABULARY, requires_grad=True)
        places, logs = torch.tensor([[3, -1]]), torch.tensor([[0.1, 0.9]]).log()
        value = mean_loss(predicted, places, logs, 0, ONES[:1])
        self.assertAlmostEqual(value.item(), -0.1 * predicted.log_softmax(-1)[0, 3].item(), places=3)
        value.backward()
        self.assertTrue(predicted.grad.isfinite().all())
