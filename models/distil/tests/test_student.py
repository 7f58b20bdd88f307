import unittest
from unittest import mock

import torch

from outrider_distil import quantise, student

from .support import llama


class Devices(unittest.TestCase):
    def test_what_needs_f64_runs_on_the_processor_of_a_mac(self):
        with (
            mock.patch.object(torch.cuda, "is_available", return_value=False),
            mock.patch.object(torch.backends.mps, "is_available", return_value=True),
        ):
            self.assertEqual((student.pick_device(), student.pick_device(exact=True)), ("mps", "cpu"))


class Adapters(unittest.TestCase):
    def test_change_nothing_at_first_and_merge_into_the_same_model(self):
        model, ids = llama(2).eval(), torch.tensor([[5, 6, 7]])
        plain = model(ids).logits
        student.add_lora(model)
        model.eval()
        self.assertTrue(torch.allclose(model(ids).logits, plain, atol=1e-5))
        trained = [name for name, weight in model.named_parameters() if weight.requires_grad]
        self.assertEqual(len(trained), 2 * 7 * 2)
        for _, weight in model.named_parameters():
            if weight.requires_grad:
                torch.nn.init.normal_(weight, std=0.1)
        adapted = model(ids).logits
        quantise.settle(model)
        self.assertTrue(torch.allclose(model(ids).logits, adapted, atol=1e-4))
