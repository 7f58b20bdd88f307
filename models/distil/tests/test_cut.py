import contextlib
import io
import itertools
import json
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel, Qwen2Config

from outrider_distil import (
    codebooks,
    corpus,
    cut,
    equalise,
    first_values,
    form,
    heads,
    least_squares,
    line_choice,
    rounding,
)

from .support import VOCABULARY, lines, save_tokenizer, write_lines


class Cutting(unittest.TestCase):
    def setUp(self):
        self.home = Path(tempfile.mkdtemp())
        torch.manual_seed(5)
        config = {"vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 4}
        heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": False}
        self.model = AutoModelForCausalLM.from_config(Qwen2Config(**config, **heads)).eval()
        with torch.no_grad():
            for weight in self.model.parameters():
                weight.mul_(3)
        self.model.save_pretrained(self.home / "model")
        save_tokenizer(self.home / "model")
        write_lines(self.home / "text.jsonl", lines(120))

    def widen(self):
        """A model with columns in multiples of 64, as formats in another basis want, and tied as the coder is."""
        config = Qwen2Config(
            vocab_size=VOCABULARY,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            tie_word_embeddings=True,
        )
        AutoModelForCausalLM.from_config(config).save_pretrained(self.home / "model")

    def cut(self, out: str, *more: str | int) -> list[dict]:
        """The lines of figures that it prints."""
        args = ["--model", self.home / "model", "--text", self.home / "text.jsonl", "--out", self.home / out]
        fixed = ["--channels", 24, "--tokens", 256, "--rate", 0.01, "--readings", 4, *more]
        with (
            mock.patch.object(sys, "argv", ["cut.py", *map(str, [*args, *fixed])]),
            contextlib.redirect_stdout(io.StringIO()) as told,
        ):
            cut.Cut(cut.options()).run()
        return [json.loads(line) for line in told.getvalue().splitlines()]

    def assert_streams(self, out: Path, model: PreTrainedModel):
        """Those that a cut of the model left there are those of transformers."""
        streams = torch.load(out / "streams.pt", weights_only=True)
        line = min(corpus.read([self.home / "text.jsonl"], "train", 320), key=len)
        with torch.no_grad():
            inner = model.model
            held = inner(torch.tensor([line.prompt + line.answer]), output_hidden_states=True).hidden_states
        given = [*streams[0][:-1].float(), inner.norm(streams[0][-1].float())]
        for index, (mine, theirs) in enumerate(zip(given, held)):
            # Products may be in bf16.
            self.assertLess(((mine - theirs[0]).norm() / theirs[0].norm()).item(), 0.03, index)

    def test_streams_are_those_of_transformers(self):
        self.cut("streams", "--blocks", "0,3")
        self.assert_streams(self.home / "streams", self.model)

    def test_least_squares_leave_less_than_the_weights_as_they_were(self):
        figures = self.cut("solved", "--readings", 0)
        with mock.patch.object(least_squares, "RIDGE", 1e9):
            untouched = self.cut("untouched", "--readings", 0)
        for mine, theirs in zip(figures, untouched):
            self.assertLess(mine["solved"], theirs["solved"])
        # Of the lines that are read, what was solved for is what is there, in bf16 where products are.
        self.assertAlmostEqual(figures[0]["error"], figures[0]["solved"], delta=0.1 * figures[0]["solved"])

    def test_least_squares_may_see_fewer_lines_than_blocks_learn_from(self):
        self.assertEqual(line_choice.evenly(10, 4), [0, 2, 5, 7])
        self.assertEqual(line_choice.evenly(3, 5), [0, 1, 2])
        seen = []
        solve = cut.Cut.solve

        def watched(own, layer, behind, wanted):
            seen.append((len(behind), len(wanted)))
            return solve(own, layer, behind, wanted)

        with mock.patch.object(cut.Cut, "solve", watched):
            few, all_of_them = self.cut("few", "--solved", 10), self.cut("all")
        untaught = self.cut("untaught", "--solved", 10, "--readings", 0)
        lines = len(torch.load(self.home / "all" / "streams.pt", weights_only=True))
        self.assertEqual(seen, [(10, 10)] * 4 + [(lines, lines)] * 4)
        # Ten lines are fitted better than they foretell the others, and learning makes up for that.
        self.assertLess(few[0]["solved"], all_of_them[0]["solved"])
        self.assertLess(few[0]["error"], untaught[0]["error"])

    def test_teaching_lowers_the_error_and_rounds_to_the_format(self):
        figures = self.cut("lut4", "--quantise", "lut4", "--blocks", "0,1,3", "--tie", "--rate", 0.001)
        self.assertEqual([line["block"] for line in figures], [0, 1, 3])
        # Later blocks also make up for what is lost before them.
        self.assertGreater(figures[0]["rounded"], figures[0]["solved"])
        for line in figures:
            self.assertLess(line["taught"][-1], line["rounded"], line)
            self.assertLess(line["error"], line["rounded"], line)
        made = AutoModelForCausalLM.from_pretrained(self.home / "lut4")
        self.assertEqual((made.config.num_hidden_layers, made.config.intermediate_size), (3, 24))
        self.assertTrue(torch.equal(made.get_input_embeddings().weight, self.model.lm_head.weight))
        mlp = made.model.layers[2].mlp
        for own in (mlp.up_proj, mlp.down_proj):
            most = max(len(row.unique()) for row in own.weight)
            self.assertLessEqual(most, 16)
            self.assertGreater(most, 8)

    def test_rounded_matrices_make_up_for_what_those_before_them_lost(self):
        self.widen()
        options = ["--channels", 64, "--quantise", "q2had+q3had", "--readings", 0]
        made_up = self.cut("made-up", *options)
        with mock.patch.object(rounding, "drawn_to", lambda weight, *_: weight):
            alone = self.cut("alone", *options)
        self.assertLess(made_up[-1]["error"], 0.97 * alone[-1]["error"])
        for line in alone:
            self.assertGreater(line["rounded"], line["solved"])

    def test_errors_are_weighed_where_nothing_is_cut(self):
        options = ["--quantise", "lut4", "--readings", 0]
        for channels, heads_left, wanted in ((64, 4, 4 * 7), (24, 4, 0), (64, 2, 0)):
            args = ["--channels", channels, "--heads", heads_left, *options]
            with mock.patch.object(cut, "round_block", wraps=rounding.round_block) as rounds:
                self.cut(f"weighed-{channels}-{heads_left}", *args)
            self.assertEqual(sum(len(call.args[4]) for call in rounds.call_args_list), wanted)

    def test_fewer_heads_leave_what_least_squares_of_them_leave(self):
        attention = self.model.model.layers[1].self_attn
        size, out = attention.head_dim, attention.o_proj.weight.detach().double()
        # Heads that say nearly the same: another could do without two of them.
        x = torch.randn(500, 4 * size)
        x[:, size : 2 * size] = x[:, :size] + 0.1 * torch.randn(500, size)
        x[:, 3 * size :] = 0.5 * x[:, 2 * size : 3 * size] + 0.1 * torch.randn(500, size)
        wanted = x.double() @ out.T
        lost, columns = {}, torch.arange(4 * size).view(4, size)
        for kept in ((a, b) for a in (0, 1) for b in (2, 3)):
            own = x[:, columns[list(kept)].flatten()].double()
            lost[kept] = (own @ torch.linalg.lstsq(own, wanted).solution - wanted).square().sum().item()
        rows = attention.q_proj.weight.detach().clone()
        stay = heads.leave_out(attention, x.T @ x, 2)
        best = min(lost, key=lost.__getitem__)
        own = columns[list(best)].flatten()
        self.assertTrue(torch.equal(stay, own))
        self.assertTrue(torch.equal(attention.q_proj.weight, rows[own]))
        left = (x[:, own].double() @ attention.o_proj.weight.double().T - wanted).square().sum().item()
        self.assertAlmostEqual(left / lost[best], 1, delta=0.01)

    def test_a_cut_has_fewer_heads_and_goes_on(self):
        figures = self.cut("heads", "--heads", 2)
        self.assertLess(figures[-1]["error"], figures[-1]["solved"])
        # The finished blocks are read again, and give the same.
        (self.home / "heads" / "block-3.pt").unlink()
        self.assertEqual(self.cut("heads", "--heads", 2)[-1]["solved"], figures[-1]["solved"])
        made = AutoModelForCausalLM.from_pretrained(self.home / "heads")
        self.assertEqual((made.config.num_attention_heads, made.config.head_dim), (2, 8))
        self.assertEqual(made.model.layers[0].self_attn.q_proj.weight.shape, (16, 32))
        # Heads are narrower than hidden ÷ heads now: transformers reads their size, and so does the next program.
        self.cut("again", "--model", self.home / "heads")
        self.assert_streams(self.home / "again", made)

    def test_heads_that_cannot_be_are_refused(self):
        for count in (3, 6):
            with self.assertRaisesRegex(SystemExit, f"--heads is {count}; it must be a multiple of 2, and 4 at most"):
                self.cut("no", "--heads", count)

    def test_inputs_of_one_size_compute_the_same(self):
        layer = self.model.model.layers[1]
        x = torch.randn(1, 9, 32)
        places = self.model.model.rotary_emb(x, torch.arange(9)[None])
        with torch.no_grad():
            layer.mlp.gate_proj.weight[:, 3] *= 10
            layer.self_attn.v_proj.bias += torch.randn(16)
            given = layer(x, position_embeddings=places)
            equalise.level_inputs(layer)
            self.assertTrue(torch.allclose(layer(x, position_embeddings=places), given, rtol=1e-3, atol=1e-3))
        gates = torch.cat([layer.mlp.gate_proj.weight, layer.mlp.up_proj.weight]).norm(dim=0)
        self.assertLess((gates.max() / gates.min()).item(), 1.001)

    def test_rounds_and_learns_in_another_basis(self):
        self.widen()
        for line in self.cut("rotated", "--quantise", "q2had+q3had", "--channels", 64, "--rate", 0.0003):
            self.assertLess(line["error"], line["rounded"], line)
        made = AutoModelForCausalLM.from_pretrained(self.home / "rotated").model.layers[1]
        with torch.no_grad():
            self.assertIsNotNone(first_values.held_levels(form.rotated(made.self_attn.q_proj.weight)))
            steps = torch.tensor(codebooks.STEPS)
            self.assertIsNotNone(first_values.held_scales(form.rotated(made.mlp.down_proj.weight), steps))

    def test_blocks_that_were_cut_before_learn_on(self):
        first = self.cut("first", "--heads", 2, "--readings", 1)
        again = self.cut("again", "--heads", 2, "--cut", self.home / "first", "--readings", 6)
        self.assertNotIn("solved", again[0])
        self.assertLess(again[-1]["error"], first[-1]["error"])
        # Without learning and rounding they stay as they are.
        self.cut("same", "--heads", 2, "--cut", self.home / "first", "--readings", 0)
        before, same = (
            AutoModelForCausalLM.from_pretrained(self.home / name).state_dict() for name in ("first", "same")
        )
        for name, weight in before.items():
            self.assertTrue(torch.equal(weight, same[name]), name)
        for line in self.cut("rounded", "--heads", 2, "--cut", self.home / "first", "--quantise", "lut4"):
            self.assertIn("rounded", line)
        with self.assertRaisesRegex(SystemExit, "has 4 blocks of 24 channels and 16 columns of heads"):
            self.cut("other", "--cut", self.home / "first")

    def test_columns_of_one_size_compute_the_same(self):
        mlp = self.model.model.layers[0].mlp
        with torch.no_grad():
            mlp.down_proj.weight *= torch.logspace(-1, 1, 64)
            x = torch.randn(50, 32)
            inner, wanted = torch.nn.functional.silu(mlp.gate_proj(x)) * mlp.up_proj(x), torch.randn(50, 32)
            given = mlp(x)
        solved = least_squares.Solved(inner.T @ inner, inner.T @ wanted, wanted.square().sum().item(), wanted.numel())
        error = solved.error(mlp.down_proj.weight)
        solved = equalise.levelled(mlp, solved)
        self.assertTrue(torch.allclose(mlp(x), given, rtol=1e-3, atol=1e-4))
        self.assertAlmostEqual(solved.error(mlp.down_proj.weight), error, delta=1e-3 * error)
        sizes = mlp.down_proj.weight.norm(dim=0)
        self.assertLess((sizes.max() / sizes.min()).item(), 1.001)

    def test_a_block_that_teaching_made_worse_stays_as_it_was_rounded(self):
        for line in self.cut("spoilt", "--quantise", "lut4", "--rate", 1):
            self.assertGreater(line["taught"][-1], line["rounded"])
            self.assertAlmostEqual(line["error"], line["rounded"], delta=0.1 * line["rounded"])

    def test_goes_on_behind_the_last_finished_block(self):
        self.cut("whole")
        wanted = AutoModelForCausalLM.from_pretrained(self.home / "whole").state_dict()
        for n in (2, 3):
            (self.home / "whole" / f"block-{n}.pt").unlink()
        figures = self.cut("whole")
        self.assertEqual(["taught" in line for line in figures], [False, False, True, True])
        again = AutoModelForCausalLM.from_pretrained(self.home / "whole").state_dict()
        for name, weight in wanted.items():
            self.assertTrue(torch.allclose(weight, again[name], atol=1e-5), name)

    def test_ends_in_its_time(self):
        with mock.patch.object(cut.time, "monotonic", side_effect=itertools.count(0, 60).__next__):
            figures = self.cut("hurried", "--readings", 1000, "--minutes", 30)
        self.assertEqual([line["block"] for line in figures], [0, 1, 2, 3])
        steps = [len(line["taught"]) for line in figures]
        self.assertTrue(all(1 <= count <= 30 for count in steps), steps)

    def test_refuses_what_it_cannot_cut(self):
        for options, why in (
            (["--blocks", "0,9"], "from 0 to 3"),
            (["--blocks", "2,1"], "must rise"),
            (["--channels", 65], "from 1 to the model's 64"),
            (["--quantise", "q2had+q3had"], "q2had takes columns in multiples of 64, and q_proj has 32"),
        ):
            with self.assertRaisesRegex(SystemExit, why):
                self.cut("refused", *options)
        self.cut("kept", "--readings", 0)
        with self.assertRaisesRegex(SystemExit, "of another cut"):
            self.cut("kept", "--blocks", "0,1")
