import json
import unittest

import torch
from torch.nn.utils import parametrize

from outrider_distil import codebooks, first_values, form, quantise, student, words

from .support import ROOT, llama


class Quantised(unittest.TestCase):
    def test_weights_are_the_nearest_of_few_values_on_a_grid(self):
        torch.manual_seed(0)
        weight = torch.randn(5, 96)
        for entries in (8, 16):
            rounded = codebooks.RowCodebook(weight, entries)(weight)
            for row, plain in zip(rounded, weight):
                values = row.unique()
                self.assertLessEqual(len(values), entries)
                steps = 63 * (values - values.min()) / (values.max() - values.min())
                self.assertLess((steps - steps.round()).abs().max().item(), 1e-3)
                nearest = values[(plain[:, None] - values[None]).abs().argmin(-1)]
                self.assertLess((nearest - row).abs().max().item(), 1e-5)

    def test_begins_as_what_a_pack_holds(self):
        torch.manual_seed(1)
        values = 0.5 + torch.tensor([0, 5, 9, 20, 21, 40, 63]) / 63
        held = torch.cat([values[torch.randint(0, 7, (4, 90))], values.expand(4, -1)], 1)
        for entries in (8, 16):
            self.assertLess((codebooks.RowCodebook(held, entries)(held) - held).abs().max().item(), 1e-6)

    def test_levels_in_another_basis_settle_as_what_a_pack_holds(self):
        source = ROOT / "src/core/model/formats"
        # A normal variable loses 0.1175 of its variance to its best four levels, and 0.0374 to eight even steps.
        for kind, name, most in (("q2had", "NORMAL_LEVELS", 0.13), ("q3had", "STEPS", 0.045)):
            torch.manual_seed(7)
            module = torch.nn.Linear(128, 6, bias=False)
            weight = torch.randn(6, 128)
            weight[:, 5::32] *= 8
            module.weight = torch.nn.Parameter(weight.clone())
            self.assertTrue(torch.allclose(form.rotated(form.rotated(weight)), weight, atol=1e-5))
            quantise.round_weight(module, kind)
            lost = (module.weight - weight).square().sum() / weight.square().sum()
            self.assertLess(lost.item(), most)
            upstream = torch.randn(6, 128)
            (module.weight * upstream).sum().backward()
            own = module.parametrizations.weight.original
            self.assertTrue(torch.allclose(form.rotated(own), weight, atol=1e-5))
            self.assertTrue(torch.allclose(own.grad, form.rotated(upstream), atol=1e-5))
            behind = torch.nn.Linear(128, 6, bias=False)
            behind.weight = torch.nn.Parameter(weight.clone())
            parametrize.register_parametrization(behind, "weight", torch.nn.Identity())
            quantise.round_weight(behind, kind)
            self.assertTrue(torch.allclose(behind.weight, module.weight, atol=1e-4))
            quantise.settle_modules(module)
            fixed = quantise.FORMATS[kind].fixed
            self.assertIsNotNone(first_values.held_scales(form.rotated(module.weight.detach()), torch.tensor(fixed)))
            # Those that packs have.
            self.assertIn(f"{name} = {list(fixed)}", (source / f"{kind}.ts").read_text())
            again = quantise.FORMATS[kind](module.weight)(module.weight)
            self.assertLess((again - module.weight).abs().max().item(), 1e-4)

    def test_sums_of_entries_lose_less_than_levels_and_settle_as_what_a_pack_holds(self):
        source = (ROOT / "src/core/model/formats/books.ts").read_text()
        for kind, plain, name, books, scale in (
            ("q2add", "q2had", "TWO_BOOKS", words.TWO_BOOKS, words.TWO_SCALE),
            ("q3add", "q3had", "THREE_BOOKS", words.THREE_BOOKS, words.THREE_SCALE),
        ):
            # Those that packs have.
            own = source.split(f"{name}: Books = ")[1].split("books: ")[1].split("};")[0]
            self.assertEqual(
                json.loads(own.replace(" ", "").replace(",\n]", "]").replace("\n", "").replace(",]", "]").rstrip(",")),
                [[list(entry) for entry in book] for book in books],
            )
            self.assertIn(f"scale: {scale},\n  books: {own[:9]}", source)
            torch.manual_seed(7)
            weight = torch.randn(24, 256)
            module = torch.nn.Linear(256, 24, bias=False)
            module.weight = torch.nn.Parameter(weight.clone())
            quantise.round_weight(module, kind)
            lost = [(made - weight).square().sum() for made in (module.weight, quantise.FORMATS[plain](weight)(weight))]
            self.assertLess((lost[0] / lost[1]).item(), 0.88)
            sums = module.parametrizations.weight[0]
            # No sum of entries is nearer.
            fours, taken = (
                form.rotated(part.detach())[:2].unflatten(-1, (-1, 4)) / sums.scales.detach()[:2, None, None]
                for part in (weight, module.weight)
            )
            far = (fours[:, :, None] - sums.words).square().sum(-1).min(-1).values
            self.assertTrue(torch.allclose((fours - taken).square().sum(-1), far, atol=1e-4))
            # The scales learn, the words do not.
            (module.weight * torch.randn(24, 256)).sum().backward()
            self.assertIsNone(module.parametrizations.weight.original.grad)
            with torch.no_grad():
                sums.scales += 0.1 * sums.scales * torch.randn(24)
            ran = module.weight.detach().clone()
            quantise.settle_modules(module)
            self.assertTrue(torch.equal(module.weight, ran))
            again = quantise.FORMATS[kind](module.weight)
            self.assertLess((again.scales - sums.scales).abs().max().item(), 1e-5)
            self.assertLess((again(module.weight) - module.weight).abs().max().item(), 1e-4)

    def test_gradients_reach_scales(self):
        torch.manual_seed(4)
        weight, upstream = torch.randn(3, 64, requires_grad=True), torch.randn(3, 64)
        form = codebooks.RotatedLevels(weight)
        before = form(weight)
        (before * upstream).sum().backward()
        self.assertTrue(torch.allclose(weight.grad, upstream, atol=1e-5))
        # Steps so small that no weight changes its level: a row grows as its scale does.
        step = 1e-3 * torch.randn(3)
        with torch.no_grad():
            after = before * ((form.scales + step) / form.scales)[:, None]
        expected = (form.scales.grad * step).sum().item()
        self.assertAlmostEqual(((after - before) * upstream).sum().item(), expected, places=4)

    def test_levels_are_rounded_as_products_are_and_learn_in_f32(self):
        torch.manual_seed(5)
        weight, x = torch.randn(3, 64, requires_grad=True), torch.randn(2, 64)
        form = codebooks.RotatedLevels(weight)
        form.is_given_rotated = True
        plain = form(weight)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = form(weight)
            (x @ rounded.T).float().sum().backward()
        # bf16 keeps eight bits.
        self.assertEqual(rounded.dtype, torch.bfloat16)
        self.assertLess((rounded - plain).norm().item(), 0.01 * plain.norm().item())
        self.assertEqual(weight.grad.dtype, torch.float32)
        self.assertLess((form.rotate(weight.grad) - x.sum(0)).abs().max().item(), 0.05)

    def test_gradients_go_straight_through_to_weights_and_by_membership_to_values(self):
        weight = torch.randn(2, 64, requires_grad=True)
        codebook = codebooks.RowCodebook(weight, 8)
        upstream = torch.randn(2, 64)
        (codebook(weight) * upstream).sum().backward()
        self.assertTrue(torch.equal(weight.grad, upstream))
        self.assertTrue(torch.allclose(codebook.entries.grad.sum(-1), upstream.sum(-1), atol=1e-4))

    def test_settled_weights_are_what_ran(self):
        model = llama(2).eval()
        kept = torch.tensor([1, 2, 3, 9])
        before = student.trim(model, kept)
        quantise.quantise(model, "lut4")
        at = torch.ones(1, 4, dtype=torch.bool)
        ran = student.logits(model, torch.tensor([[0, 1, 2, 3]]), at)
        quantise.settle(model)
        self.assertTrue(torch.equal(student.logits(model, torch.tensor([[0, 1, 2, 3]]), at), ran))
        student.widen(model, kept, before)
        self.assertTrue(torch.allclose(model(torch.tensor([[1, 2, 3, 9]])).logits[0, :, kept], ran, atol=1e-5))
        values = [len(row.unique()) for row in model.lm_head.weight]
        self.assertLessEqual(max(values[row] for row in kept), 16)
        self.assertGreater(values[0], 16)
        mlp = model.model.layers[0].mlp
        self.assertEqual(max(len(row.unique()) for row in mlp.up_proj.weight), 16)

    def test_a_block_may_have_matrices_of_two_formats(self):
        finer = {"mlp.down_proj", "self_attn.v_proj"}
        for name in ("mlp.down_proj", "mlp.up_proj", "self_attn.q_proj", "self_attn.v_proj"):
            wanted = "q3had" if name in finer else "q2had"
            self.assertEqual(quantise.format_of("q2had+q3had", name), wanted)
            self.assertEqual(quantise.format_of("lut4", name), "lut4")
        learning = [blocks for blocks in quantise.BLOCK_FORMATS if not quantise.learns(blocks)]
        self.assertEqual(learning, ["q2add+q3add"])
