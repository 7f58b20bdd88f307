import unittest

import torch
import torch.nn.functional as F

from outrider_distil import corpus, head


class Heads(unittest.TestCase):
    def test_find_the_likeliest_and_their_probabilities(self):
        torch.manual_seed(0)
        for size in (40, 128, 5000):
            states, weight = torch.randn(7, 24), torch.randn(size, 24)
            said = head.predict(states, weight)
            wanted = (states @ weight.T).log_softmax(-1).topk(corpus.TOP)
            self.assertTrue(torch.equal(said.tokens, wanted.indices))
            self.assertLess((said.largest - said.whole - wanted.values).abs().max().item(), 1e-4)

    def test_order_near_equals_although_the_product_is_in_bf16(self):
        torch.manual_seed(0)
        weight = torch.randn(5000, 24).bfloat16()
        # Two tokens differ in one channel by less than a product in bf16 tells apart.
        states = 3 * torch.randn(50, 24)
        weight[7] = weight[8] = 4 * states[0].bfloat16()
        weight[7, 3] += 0.1 * states[0, 3].sign()
        wanted = (states @ weight.float().T).topk(corpus.TOP)
        said = head.predict(states, weight)
        self.assertTrue(torch.equal(said.tokens[:, 0], wanted.indices[:, 0]))
        self.assertLess((said.largest - wanted.values).abs().max().item(), 1e-3)

    def test_draw_from_the_distribution_at_each_temperature(self):
        torch.manual_seed(0)
        states, weight = torch.randn(1, 24).expand(60_000, -1) / 3, torch.randn(300, 24)
        for heat in (0.0, 0.7, 1.0):
            generator = torch.Generator().manual_seed(1)
            drawn = head.predict(states, weight).draw(torch.full((len(states),), heat), generator)
            shares = torch.bincount(drawn, minlength=300) / len(states)
            logits = states[0] @ weight.T
            wanted = (logits / heat).softmax(-1) if heat else F.one_hot(logits.argmax(), 300).float()
            self.assertLess((shares - wanted).abs().sum().item(), 0.06 if heat else 1e-9)
