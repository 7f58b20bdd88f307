import json
import random
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import torch
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, LlamaForCausalLM, MistralConfig, Qwen2Config

from outrider_distil import compiled, corpus, course, decoder, distil, quantise, student, teach, teacher, vocabulary

from .support import NOTHING, SHAPE, VOCABULARY, lines, llama, save_tokenizer, write_lines


class Training(unittest.TestCase):
    def setUp(self):
        self.home = Path(tempfile.mkdtemp())
        for name, layers in (("teacher", 3), ("student", 1)):
            llama(layers).save_pretrained(self.home / name)
            save_tokenizer(self.home / name)
        self.text = self.home / "text.jsonl"
        write_lines(self.text, lines(300))
        teach.teach(decoder.Decoder(llama(3).eval()), self.text, 256)

    def train(self, out: str, *more: str) -> list[dict]:
        args = ["--student", self.home / "student", "--text", self.text]
        fixed = ["--out", self.home / out, "--tokens", 256, "--rate", 0.01, "--warmup", 2, "--score-every", 5]
        with mock.patch.object(sys, "argv", ["distil.py", *map(str, [*args, *fixed, *more])]):
            course.Course(distil.options()).run()
        return [json.loads(line) for line in (self.home / out / "curve.jsonl").read_text().splitlines()]

    def weights(self, out: str) -> dict[str, torch.Tensor]:
        return LlamaForCausalLM.from_pretrained(self.home / out).state_dict()

    def test_learns(self):
        for options in (
            [],
            ["--acceptance", 0.5],
            ["--prompts", 0.1],
            ["--quantise", "lut4"],
            ["--lora"],
            ["--lora", "--quantise", "lut4"],
            ["--head", 40],
        ):
            curve = self.train("-".join(map(str, options)) or "plain", "--epochs", 3, *options)
            self.assertLess(curve[-1]["loss"], curve[0]["loss"], options)

    def test_the_mean_of_runs_is_of_what_they_learned_and_fits_the_format(self):
        for options in ([], ["--quantise", "lut4"]):
            runs = [f"{len(options)}-{seed}" for seed in (1, 2)]
            for seed, run in enumerate(runs):
                self.train(run, "--epochs", 2, "--seed", seed, *options)
            args = ["--student", self.home / "student", "--text", self.text, "--out", self.home / "mean", *options]
            with mock.patch.object(
                sys, "argv", ["distil.py", *map(str, args), "--mean-of", *(str(self.home / run) for run in runs)]
            ):
                course.Course(distil.options()).average()
            first, second, mean = map(self.weights, [*runs, "mean"])
            name = "model.layers.0.mlp.up_proj.weight"
            middle = (first[name] + second[name]) / 2
            if options:
                self.assertLessEqual(max(len(row.unique()) for row in mean[name]), 16)
                self.assertGreater(max(len(row.unique()) for row in middle), 16)
            else:
                self.assertTrue(torch.allclose(mean[name], middle, atol=1e-6))

    @unittest.skipUnless(compiled.has_compiler(), "no C++ compiler")
    def test_compiled_blocks_learn_what_plain_ones_do(self):
        for name, options in (("plain", []), ("rounded", ["--quantise", "lut4"]), ("adapted", ["--lora"])):
            fixed = ["--compile", "--epochs", 0.1, "--score-every", 2, *options]
            torch._dynamo.utils.counters.clear()
            curve = self.train(f"{name}-compiled", *fixed)
            # One piece of code for all steps, all of them of one shape, and for all blocks. The rounding has pieces for
            # each shape of a matrix: q and o, k and v, gate and up, down. Where products are in bf16, weights are
            # rounded to f32 as well, at the end.
            pieces = dict(torch._dynamo.utils.counters["frames"])
            self.assertEqual(pieces["total"], pieces["ok"])
            rounding = 4 if student.has_bf16("cpu") else 3
            self.assertEqual(pieces["ok"], 1 + 4 * rounding if name == "rounded" else 1, name)
            # The same batches through the blocks of transformers.
            with mock.patch.object(compiled.Blocks, "states", lambda self, *args: student.states(self.model, *args)):
                plain = self.train(f"{name}-plain", *fixed)
            self.assertEqual(len(curve), len(plain))
            for mine, theirs in zip(curve, plain):
                # Losses of 0.0066 to 0.0024, told to four places.
                self.assertAlmostEqual(mine["loss"], theirs["loss"], delta=1.5e-4, msg=name)
        first = torch.load(self.home / "plain-compiled" / course.CHECKPOINT)["step"]
        more = self.train("plain-compiled", "--compile", "--epochs", 0.15, "--score-every", 2)
        self.assertGreater(more[-1]["step"], first)

    def test_what_cannot_be_compiled_is_said_at_once(self):
        with mock.patch.object(compiled, "has_compiler", return_value=False):
            with self.assertRaisesRegex(SystemExit, r"--compile: there is no C\+\+ compiler"):
                self.train("none", "--compile")
        with mock.patch.object(compiled, "has_compiler", return_value=True):
            for config, why in (
                (MistralConfig(sliding_window=256), "reaches 256 tokens back"),
                (LlamaConfig(attention_bias=True), "no biases"),
                (GPT2Config(), "the student is gpt2"),
                (Qwen2Config(), None),
            ):
                self.assertRegex(compiled.lacking(config, 512) or "None", why or "None")

    def test_learns_the_next_token_of_a_text_too(self):
        # Letters in their order: the teacher, which is random, says nothing of the kind.
        rng = random.Random(1)
        firsts = [rng.randrange(VOCABULARY - 20) for _ in range(200)]
        rising = [corpus.Line([n, n + 1], list(range(n + 2, n + 18)), 0, NOTHING) for n in firsts]
        write_lines(self.text, rising)
        corpus.taught_file(self.text).unlink()
        teach.teach(decoder.Decoder(llama(3).eval()), self.text, 256)
        for adapters in ([], ["--lora"]):
            curve = self.train(f"next-{len(adapters)}", "--epochs", 2, "--learn", "text", *adapters)
            self.assertLess(curve[-1]["loss"], (0.97 if adapters else 0.7) * curve[0]["loss"])

    def test_a_narrow_qwen_learns_with_few_tokens_of_its_own(self):
        torch.manual_seed(0)
        narrow = {**SHAPE, "vocab_size": VOCABULARY, "intermediate_size": 48, "head_dim": 8}
        config = Qwen2Config(**narrow, tie_word_embeddings=True, pad_token_id=VOCABULARY - 1)
        model = AutoModelForCausalLM.from_config(config)
        model.save_pretrained(self.home / "student")
        curve = self.train("narrow", "--epochs", 3, "--head", 40, "--quantise", "lut4")
        self.assertLess(curve[-1]["loss"], curve[0]["loss"])
        made = AutoModelForCausalLM.from_pretrained(self.home / "narrow")
        self.assertEqual(made.config.model_type, "qwen2")
        self.assertFalse(
            torch.equal(made.model.layers[0].self_attn.q_proj.bias, model.model.layers[0].self_attn.q_proj.bias)
        )
        self.assertLessEqual(max(len(row.unique()) for row in made.model.layers[0].mlp.up_proj.weight), 16)

    def test_small_checkpoints_go_on_and_each_kind_has_a_score(self):
        raw = [json.loads(line) for line in self.text.read_text().splitlines()]
        for n, line in enumerate(raw):
            line |= {"kind": "code", "split": "held-out" if n % 9 == 0 else "train"} if n % 3 == 0 else {}
        self.text.write_text("".join(json.dumps(line) + "\n" for line in raw))
        curve = self.train("small", "--epochs", 1, "--score-every", 30, "--small-checkpoints")
        self.assertEqual(set(curve[-1]["by_kind"]), {"code", "written"})
        again = self.train("small", "--epochs", 2, "--score-every", 30, "--small-checkpoints")
        self.assertGreater(again[-1]["step"], curve[-1]["step"])
        count = sum(weight.numel() for weight in llama(1).parameters())
        self.assertLess((self.home / "small" / course.CHECKPOINT).stat().st_size, 4 * count)

    def test_text_must_be_taught_first(self):
        corpus.taught_file(self.text).unlink()
        with self.assertRaisesRegex(SystemExit, "outrider_distil.teach"):
            self.train("untaught")

    def test_a_teacher_says_what_stands_beside_a_judged_text(self):
        batch = corpus.padded(corpus.read([self.text], "train", 768)[:9])
        said = teacher.Teacher(self.home / "teacher", "cpu", vocabulary.whole(VOCABULARY), False).judged(batch)
        self.assertTrue(torch.equal(said.taught, batch.taught))
        # By token, where both name it: products are in bf16 where the machine has them.
        mine, theirs = (
            torch.full((len(part.logs), VOCABULARY), torch.nan).scatter(1, part.tokens, part.logs)
            for part in (said, batch)
        )
        both = ~(mine.isnan() | theirs.isnan())
        self.assertGreater(both.sum().item(), 0.9 * said.logs.numel())
        self.assertLess((mine - theirs)[both].abs().max().item(), 0.01)

    def test_a_teacher_of_the_kept_tokens_alone_says_what_its_rows_mean(self):
        kept = torch.arange(3, VOCABULARY)
        few = vocabulary.Vocabulary.of(kept, torch.arange(VOCABULARY).clamp_min(3))
        batch = corpus.padded(corpus.read([self.text], "train", 768)[:4])
        said = teacher.Teacher(self.home / "teacher", "cpu", few, False).judged(batch)
        read = batch.ids.clamp_min(3)
        logits = llama(3).eval()(read).logits[said.taught][:, 3:]
        # The first four tokens share a row, which says the one of them that came last.
        wanted = logits.log_softmax(-1).gather(1, said.tokens.clamp_min(3) - 3)
        self.assertLess((said.logs - wanted).abs().max().item(), 0.01)
        last = [
            next((token for token in reversed(line[: at + 1]) if token <= 3), 3)
            for line, taught in zip(batch.ids.tolist(), said.taught)
            for at in taught.nonzero()[:, 0].tolist()
        ]
        named = said.tokens <= 3
        self.assertEqual(
            said.tokens[named].tolist(), [token for token, row in zip(last, named) for _ in range(row.sum())]
        )
        self.assertLess(int(said.tokens.min()), 3)

    def test_rounded_weights_learn_from_a_teacher_on_text_that_nobody_judged(self):
        corpus.taught_file(self.text).unlink()
        options = ["--teacher", self.home / "student", "--quantise", "lut4"]
        for more in ([], ["--compile"] if compiled.has_compiler() else []):
            curve = self.train(f"self{len(more)}", "--epochs", 3, *options, *more)
            self.assertLess(curve[-1]["loss"], 0.7 * curve[0]["loss"])

    def test_fixed_weights_stay_and_what_they_are_rounded_to_learns(self):
        fixed = ["--quantise", "lut4", "--fix-weights", "--epochs", 1]
        rounded = llama(1)
        quantise.quantise(rounded, "lut4")
        quantise.settle(rounded)
        rounded.save_pretrained(self.home / "rounded")
        save_tokenizer(self.home / "rounded")
        begins = ["--student", self.home / "rounded", "--teacher", self.home / "teacher", "--rate", 1e-4]
        curve = self.train("fixed", *fixed, *begins)
        self.assertLess(curve[-1]["loss"], curve[0]["loss"])
        was, made = rounded.state_dict(), self.weights("fixed")
        for name in was:
            if "proj" in name:
                # What had one value has one value still.
                pairs = [len(torch.stack(row).unique(dim=1)[0]) for row in zip(was[name], made[name])]
                self.assertLessEqual(max(pairs), 4, name)
            self.assertFalse(torch.equal(made[name], was[name]), name)
        sums = ["--quantise", "q2add+q3add"]
        for options, why in (
            (["--fix-weights"], "needs --quantise"),
            ([*fixed, "--lora"], "leave out --lora"),
            (sums, "add --fix-weights"),
        ):
            with self.assertRaisesRegex(SystemExit, why):
                self.train("not", *options)

    def test_a_teacher_that_cannot_be_is_refused(self):
        with self.assertRaisesRegex(SystemExit, "leave out --teacher"):
            self.train("text", "--learn", "text", "--teacher", self.home / "teacher")
        other = LlamaConfig(**{**llama(1).config.to_dict(), "vocab_size": VOCABULARY + 1})
        LlamaForCausalLM(other).save_pretrained(self.home / "other")
        with self.assertRaisesRegex(SystemExit, "51 tokens and the student 50"):
            self.train("tokens", "--teacher", self.home / "other")

    def test_goes_on_as_if_it_had_not_stopped(self):
        self.train("whole", "--epochs", 2)
        save, stopped = course.Course.save, []

        def stop(run):
            save(run)
            if run.step >= 10 and not stopped:
                stopped.append(run.step)
                raise KeyboardInterrupt

        with mock.patch.object(course.Course, "save", stop), self.assertRaises(KeyboardInterrupt):
            self.train("parts", "--epochs", 2)
        self.train("parts", "--epochs", 2)
        whole, parts = self.weights("whole"), self.weights("parts")
        for name in whole:
            self.assertTrue(torch.equal(whole[name], parts[name]), name)
