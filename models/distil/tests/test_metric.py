import contextlib
import unittest
from unittest import mock

import torch

from outrider_distil import metric

from .support import llama


class Metrics(unittest.TestCase):
    def test_derivatives_at_draws_have_the_fisher_information_as_their_square(self):
        torch.manual_seed(9)
        head_of, state = torch.randn(7, 4), torch.randn(4)
        found = metric.at_draws(state.expand(40_000, 4), head_of, torch.Generator().manual_seed(1))
        chances = (head_of @ state).softmax(-1)
        wanted = head_of.T @ (chances.diag() - chances[:, None] * chances) @ head_of
        self.assertLess(found.mean(0).norm().item(), 0.03)
        self.assertLess((found.T @ found / len(found) - wanted).norm().item(), 0.03 * wanted.norm().item())

    def test_are_of_the_derivatives_at_the_outputs_behind_the_first_position(self):
        model = llama(2).eval()
        ids = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 0]])
        real = torch.tensor([[True] * 4, [True, True, True, False]])
        # As if the loss were half of the square of the states.
        with mock.patch.object(metric, "at_draws", lambda states, *_: states):
            plain = mock.Mock(products=torch.float32, autocast=contextlib.nullcontext)
            found = metric.metrics(model, [(ids, real)], plain)
        self.assertEqual(len(found), 2 * 7)
        outputs = {}
        for index, name in ((0, "mlp.up_proj"), (1, "self_attn.v_proj"), (1, "mlp.down_proj")):
            part = model.model.layers[index].get_submodule(name)
            part.register_forward_hook(lambda _m, _i, out, key=(index, name): outputs.update({key: out}))
        half = model.model(ids).last_hidden_state[real].square().sum() / 2
        for key, gradient in zip(outputs, torch.autograd.grad(half, list(outputs.values()))):
            own = gradient[:, 1:].flatten(0, 1)
            self.assertTrue(torch.allclose(found[key], own.T @ own / 7, atol=1e-5), key)
