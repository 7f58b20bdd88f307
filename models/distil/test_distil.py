"""`npm run test:distil`: needs torch and transformers in OUTRIDER_PYTHON."""

import json
import random
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

import corpus
import distil
import loss
import quantise
import score
import student

VOCABULARY = 50
# Of the prompts [0] to [99], what `splitOf` of src/corpus/line.ts holds out.
HELD_OUT = [27, 44, 57, 61, 81, 88, 89, 90]


def llama(layers: int) -> LlamaForCausalLM:
    torch.manual_seed(layers)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY, hidden_size=32, intermediate_size=64, num_hidden_layers=layers, num_attention_heads=4,
            num_key_value_heads=2, tie_word_embeddings=True, max_position_embeddings=128,
        )
    )  # fmt: skip


def lines(count: int, seed: int = 0) -> list[corpus.Line]:
    rng = random.Random(seed)
    ids = lambda least, most: [rng.randrange(VOCABULARY) for _ in range(rng.randint(least, most))]
    return [corpus.Line(ids(2, 9), ids(4, 20), 0.0) for _ in range(count)]


class Corpus(unittest.TestCase):
    def test_splits_as_the_command_does(self):
        held_out = [n for n in range(100) if corpus.split_of([n]) == "held-out"]
        self.assertEqual(held_out, HELD_OUT)

    def test_judges_what_the_target_wrote_and_nothing_else(self):
        batch = corpus.padded([corpus.Line([1, 2, 3], [4, 5], 0), corpus.Line([6], [7, 8, 9], 0)])
        self.assertEqual(batch.ids.tolist(), [[1, 2, 3, 4, 5], [6, 7, 8, 9, 0]])
        self.assertEqual(batch.judged.int().tolist(), [[0, 0, 1, 1, 0], [1, 1, 1, 0, 0]])

    def test_batches_hold_each_line_once_and_little_padding(self):
        every = lines(2000)
        seen, padding = [], 0
        for batch in corpus.batches(every, 256, seed=3):
            self.assertLessEqual(batch.ids.numel(), 256)
            seen.append(int(batch.judged.sum()))
            padding += batch.ids.numel()
        self.assertEqual(sum(seen), sum(len(line.answer) for line in every))
        self.assertLess(padding, 1.1 * sum(len(line.prompt) + len(line.answer) for line in every))

    def test_finds_loops(self):
        self.assertTrue(corpus.loops([7] * 11))
        self.assertFalse(corpus.loops(list(range(200))))


class Losses(unittest.TestCase):
    def test_are_zero_for_equals_and_what_sampling_keeps(self):
        logits = torch.randn(6, VOCABULARY)
        self.assertAlmostEqual(loss.kl(logits, logits).item(), 0, places=5)
        self.assertAlmostEqual(loss.acceptance(logits, logits).item(), 0, places=5)
        other = torch.randn(6, VOCABULARY)
        p, q = logits.softmax(-1), other.softmax(-1)
        variation = (p - q).abs().sum(-1) / 2
        self.assertAlmostEqual(loss.acceptance(logits, other).item(), -(1 - variation).log().mean().item(), places=5)
        self.assertAlmostEqual(loss.kl(other, logits).item(), (p * (p / q).log()).sum(-1).mean().item(), places=5)


class Scores(unittest.TestCase):
    def test_count_the_passes_of_a_decoder_that_drafts_for_itself(self):
        torch.manual_seed(1)
        draft, answer, prompt = llama(1).eval(), [], [3, 1, 4]
        rng = random.Random(2)
        # An answer that the draft gets right more often than not.
        while len(answer) < 60:
            guess = int(draft(torch.tensor([prompt + answer])).logits[0, -1].argmax())
            answer.append(guess if rng.random() < 0.75 else rng.randrange(VOCABULARY))
        passes, at = 0, 0
        while at < len(answer):
            drafted = []
            while len(drafted) < 8:
                ids = torch.tensor([prompt + answer[:at] + drafted])
                drafted.append(int(draft(ids).logits[0, -1].argmax()))
            kept = 0
            while kept < 8 and at + kept < len(answer) and drafted[kept] == answer[at + kept]:
                kept += 1
            at += kept + 1
            passes += 1
        batch = corpus.padded([corpus.Line(prompt, answer, 0)])
        scores = [score.Score()]
        score.judge(scores, draft(batch.ids).logits.argmax(-1)[batch.judged], batch, [0])
        self.assertEqual((scores[0].tokens, scores[0].passes), (60, passes))


class Quantised(unittest.TestCase):
    def test_weights_are_the_nearest_of_few_values_on_a_grid(self):
        torch.manual_seed(0)
        weight = torch.randn(5, 96)
        for entries in quantise.FORMATS.values():
            rounded = quantise.Codebook(weight, entries)(weight)
            for row, plain in zip(rounded, weight):
                values = row.unique()
                self.assertLessEqual(len(values), entries)
                steps = 63 * (values - values.min()) / (values.max() - values.min())
                self.assertLess((steps - steps.round()).abs().max().item(), 1e-3)
                nearest = values[(plain[:, None] - values[None]).abs().argmin(-1)]
                self.assertLess((nearest - row).abs().max().item(), 1e-5)

    def test_gradients_go_straight_through_to_weights_and_by_membership_to_values(self):
        weight = torch.randn(2, 64, requires_grad=True)
        codebook = quantise.Codebook(weight, 8)
        upstream = torch.randn(2, 64)
        (codebook(weight) * upstream).sum().backward()
        self.assertTrue(torch.equal(weight.grad, upstream))
        self.assertTrue(torch.allclose(codebook.entries.grad.sum(-1), upstream.sum(-1), atol=1e-4))

    def test_settled_weights_are_what_ran(self):
        model = llama(2).eval()
        kept = torch.tensor([1, 2, 3, 9])
        quantise.quantise(model, "lut3", kept)
        batch = corpus.padded([corpus.Line([1, 2], [3, 4], 0)])
        before = student.judged_logits(model, batch, kept)
        quantise.settle(model)
        self.assertTrue(torch.equal(student.judged_logits(model, batch, kept), before))
        self.assertTrue(torch.allclose(model(batch.ids).logits[batch.judged][:, kept], before, atol=1e-5))
        values = [len(row.unique()) for row in model.lm_head.weight]
        self.assertLessEqual(max(values[row] for row in kept), 16)
        self.assertGreater(values[0], 16)
        self.assertLessEqual(max(len(row.unique()) for row in model.model.layers[0].mlp.up_proj.weight), 8)


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
        student.merge_lora(model)
        self.assertTrue(torch.allclose(model(ids).logits, adapted, atol=1e-4))


class Training(unittest.TestCase):
    def setUp(self):
        self.home = Path(tempfile.mkdtemp())
        tokenizer = Tokenizer(WordLevel({f"t{n}": n for n in range(VOCABULARY)}, unk_token="t0"))
        for name, layers in (("teacher", 3), ("student", 1)):
            llama(layers).save_pretrained(self.home / name)
            PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(self.home / name)
        with open(self.home / "text.jsonl", "w") as text:
            for line in lines(300):
                text.write(json.dumps({"prompt": line.prompt, "answer": line.answer}) + "\n")

    def train(self, out: str, *more: str) -> list[dict]:
        args = ["--teacher", self.home / "teacher", "--student", self.home / "student", "--text", self.home / "text.jsonl"]
        fixed = ["--out", self.home / out, "--tokens", 256, "--rate", 0.01, "--warmup", 2, "--score-every", 5]
        with mock.patch.object(sys, "argv", ["distil.py", *map(str, [*args, *fixed, *more])]):
            distil.Run(distil.options()).run()
        return [json.loads(line) for line in (self.home / out / "curve.jsonl").read_text().splitlines()]

    def weights(self, out: str) -> dict[str, torch.Tensor]:
        return LlamaForCausalLM.from_pretrained(self.home / out).state_dict()

    def test_learns(self):
        for options in ([], ["--acceptance", 0.5], ["--quantise", "lut4"], ["--lora"], ["--head", 40]):
            curve = self.train("-".join(map(str, options)) or "plain", "--epochs", 3, *options)
            self.assertLess(curve[-1]["loss"], curve[0]["loss"], options)

    def test_goes_on_as_if_it_had_not_stopped(self):
        self.train("whole", "--epochs", 2)
        save, stopped = distil.Run.save, []

        def stop(run):
            save(run)
            if run.step >= 10 and not stopped:
                stopped.append(run.step)
                raise KeyboardInterrupt

        with mock.patch.object(distil.Run, "save", stop), self.assertRaises(KeyboardInterrupt):
            self.train("parts", "--epochs", 2)
        self.train("parts", "--epochs", 2)
        whole, parts = self.weights("whole"), self.weights("parts")
        for name in whole:
            self.assertTrue(torch.equal(whole[name], parts[name]), name)


if __name__ == "__main__":
    unittest.main()
