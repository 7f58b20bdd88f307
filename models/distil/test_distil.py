"""`npm run test:distil`: needs torch and transformers in OUTRIDER_PYTHON."""

import contextlib
import copy
import io
import itertools
import json
import random
import sys
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from tokenizers.models import BPE
from torch.nn.utils import parametrize
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)

from outrider_distil import (
    choices,
    compiled,
    corpus,
    cut,
    decoder,
    distil,
    equalise,
    gptq,
    head,
    heads,
    least_squares,
    loss,
    measure,
    metric,
    quantise,
    rounding,
    score,
    student,
    teach,
    teacher,
    vocabulary,
    words,
    write,
)

LETTERS, VOCABULARY = 26, 50
NOTHING = np.empty(0, corpus.PREDICTION)
ONES = torch.ones(6)
# Of the prompts [0] to [99], what `splitOf` of src/corpus/line.ts holds out.
HELD_OUT = [27, 44, 57, 61, 81, 88, 89, 90]
if not compiled.has_compiler():
    print("no C++ compiler here: --compile is NOT tested", file=sys.stderr)


def llama(layers: int) -> LlamaForCausalLM:
    torch.manual_seed(layers)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            tie_word_embeddings=True,
            max_position_embeddings=128,
            pad_token_id=VOCABULARY - 1,
        )
    )


def save_tokenizer(home: Path) -> None:
    """Letters, and twenty-four pairs of them: token 26 + n is letters n and n + 1."""
    names = [chr(97 + n) for n in range(LETTERS)]
    merges = [(names[n], names[n + 1]) for n in range(VOCABULARY - LETTERS)]
    words = {name: n for n, name in enumerate([*names, *map("".join, merges)])}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(BPE(words, merges)), eos_token="a")
    tokenizer.chat_template = "b{% for message in messages %}{{ message['content'] }}a{% endfor %}"
    tokenizer.save_pretrained(home)


def write_lines(file: Path, written: list[corpus.Line]) -> None:
    file.write_text("".join(json.dumps({"prompt": line.prompt, "answer": line.answer}) + "\n" for line in written))


def likeliest_logs(logits: torch.Tensor) -> np.ndarray:
    return logits.log_softmax(-1).topk(corpus.TOP).values.numpy()


def lines(count: int, seed: int = 0) -> list[corpus.Line]:
    rng = random.Random(seed)

    def ids(least: int, most: int) -> list[int]:
        return [rng.randrange(VOCABULARY) for _ in range(rng.randint(least, most))]

    return [corpus.Line(ids(2, 9), ids(4, 20), 0.0, NOTHING) for _ in range(count)]


class Corpus(unittest.TestCase):
    def test_splits_as_the_command_does(self):
        held_out = [n for n in range(100) if corpus.split_of([n]) == "held-out"]
        self.assertEqual(held_out, HELD_OUT)

    def test_judges_what_the_target_wrote_and_nothing_else(self):
        batch = corpus.padded([corpus.Line([1, 2, 3], [4, 5], 0, NOTHING), corpus.Line([6], [7, 8, 9], 0, NOTHING)])
        self.assertEqual(batch.ids.tolist(), [[1, 2, 3, 4, 5], [6, 7, 8, 9, 0]])
        self.assertEqual(batch.answered.int().tolist(), [[0, 0, 1, 1, 0], [1, 1, 1, 0, 0]])

    def test_batches_hold_each_line_once_and_little_padding(self):
        every = lines(2000)
        seen, padding = [], 0
        for batch in map(corpus.padded, corpus.epoch(every, 256, seed=3)):
            self.assertLessEqual(batch.ids.numel(), 256)
            seen.append(int(batch.answered.sum()))
            padding += batch.ids.numel()
        self.assertEqual(sum(seen), sum(len(line.answer) for line in every))
        self.assertLess(padding, 1.1 * sum(len(line.prompt) + len(line.answer) for line in every))

    def test_compiled_batches_of_one_length_have_one_shape(self):
        every = lines(500, seed=1)
        groups = corpus.epoch(every, 256, seed=3, unit=64)
        batches = [corpus.padded(group, 64, 256) for group in groups]
        self.assertEqual({tuple(batch.ids.shape) for batch in batches}, {(4, 64)})
        answered = sum(len(line.answer) for line in every)
        self.assertEqual(sum(int(batch.answered.sum()) for batch in batches), answered)
        # A line that is longer than a batch is one of its own.
        long = corpus.Line([1] * 200, [2] * 101, 0, NOTHING)
        self.assertEqual(corpus.padded([long], 64, 256).ids.shape, (1, 320))

    def test_every_place_of_a_line_without_a_prompt_is_judged(self):
        batch = corpus.padded([corpus.Line([], [4, 5, 6], 0, NOTHING), corpus.Line([6], [7, 8, 9], 0, NOTHING)])
        self.assertEqual(batch.answered.int().tolist(), [[1, 1, 0, 0], [1, 1, 1, 0]])

    def test_finds_loops(self):
        self.assertTrue(corpus.loops([7] * 11))
        self.assertFalse(corpus.loops(list(range(200))))


class Taught(unittest.TestCase):
    def setUp(self):
        self.home = Path(tempfile.mkdtemp())
        self.text = self.home / "text.jsonl"
        self.teacher = llama(2).eval()

    def test_holds_the_likeliest_tokens_at_each_place_of_each_line(self):
        written = lines(40)
        write_lines(self.text, written)
        teach.teach(decoder.Decoder(llama(2).eval()), self.text, 128)
        read = corpus.read([self.text], "train", 99) + corpus.read([self.text], "held-out", 99)
        self.assertEqual(len(read), 40)
        batch = corpus.padded(read)
        self.assertEqual(batch.taught.sum(1).tolist(), [len(line.prompt) + len(line.answer) - 1 for line in read])
        with torch.no_grad():
            logs = self.teacher(batch.ids).logits[batch.taught].log_softmax(-1)
        self.assertLess((logs.topk(corpus.TOP).values - batch.logs).abs().max().item(), 5e-3)
        # Tokens may tie: behind the padding token, whose embedding is zeros, all do.
        self.assertLess((logs.gather(1, batch.tokens) - batch.logs).abs().max().item(), 5e-3)

    def test_goes_on_where_it_stopped_and_where_the_text_has_grown(self):
        written = lines(30)
        write_lines(self.text, written)
        teach.teach(decoder.Decoder(llama(2).eval()), self.text, 128)
        whole = corpus.taught_file(self.text).read_bytes()
        write_lines(self.text, written[:20])
        corpus.taught_file(self.text).write_bytes(whole[: corpus.PREDICTION.itemsize * 100 + 5])
        teach.teach(decoder.Decoder(llama(2).eval()), self.text, 128)
        write_lines(self.text, written)
        teach.teach(decoder.Decoder(llama(2).eval()), self.text, 128)
        parts = np.frombuffer(corpus.taught_file(self.text).read_bytes(), corpus.PREDICTION)
        self.assertEqual(len(parts), len(whole) // corpus.PREDICTION.itemsize)
        # Sums of a batch of another shape differ in their last bits.
        self.assertLess(
            np.abs(parts["log"].astype("f4") - np.frombuffer(whole, corpus.PREDICTION)["log"].astype("f4")).max(), 5e-3
        )

    def test_a_writer_writes_down_what_it_says(self):
        torch.manual_seed(0)
        prompts = [[3, 1, 4], [5], [9, 2, 6, 5]]
        texts = decoder.write(
            decoder.Decoder(llama(2).eval()), prompts, [0, 1, 0.7], 12, {7}, torch.Generator().manual_seed(3)
        )
        for prompt, text in zip(prompts, texts):
            ids = prompt + text.written
            with torch.no_grad():
                logits = self.teacher(torch.tensor([ids])).logits[0, :-1]
            predicted = np.concatenate(text.predicted)
            self.assertEqual(len(predicted), len(ids) - 1)
            self.assertLess(np.abs(likeliest_logs(logits) - predicted["log"].astype("f4")).max(), 5e-3)
            self.assertTrue(len(text.written) == 12 or text.written[-1] == 7)
        with mock.patch.object(decoder, "READ", 1):
            again = decoder.write(
                decoder.Decoder(llama(2).eval()),
                prompts,
                [0, 1, 0.7],
                12,
                {7},
                torch.Generator().manual_seed(3),
                prompts_too=False,
            )
        self.assertEqual([text.written for text in again], [text.written for text in texts])
        self.assertEqual([len(np.concatenate(text.predicted)) for text in again], [len(text.written) for text in texts])
        greedy = self.teacher.generate(
            torch.tensor([prompts[0]]), max_new_tokens=12, do_sample=False, eos_token_id=7, pad_token_id=7
        )
        self.assertEqual(greedy[0, 3:].tolist(), texts[0].written)

    def test_a_writer_asks_and_answers_and_goes_on_with_a_conversation(self):
        self.teacher.save_pretrained(self.home)
        save_tokenizer(self.home)
        questions = self.home / "questions.jsonl"
        questions.write_text("".join(json.dumps({"turns": [f"c{chr(100 + n)}", "e"]}) + "\n" for n in range(5)))
        for asked in (["--prompts", str(questions)], ["--self", "--minutes", "0.1"]):
            out = self.home / f"{len(asked)}.jsonl"
            fixed = [
                "--target",
                str(self.home),
                "--out",
                str(out),
                "--max-tokens",
                "8",
                "--batch",
                "4",
                "--longest",
                "60",
            ]
            # A clock that a busy machine does not hurry: one second at each look.
            clock = mock.Mock(monotonic=itertools.count().__next__)
            with mock.patch.object(sys, "argv", ["write.py", *fixed, *asked]), mock.patch.object(write, "time", clock):
                write.Run(write.options()).run()
            raw = list(corpus.raw_lines(out))
            self.assertGreaterEqual(len(raw), 10 if asked[0] == "--prompts" else 4)
            self.assertEqual({line["temperature"] for line in raw}, {0.0, 0.7, 1.0})
            places = sum(len(line["prompt"]) + len(line["answer"]) - 1 for line in raw)
            self.assertEqual(corpus.taught_file(out).stat().st_size, places * corpus.PREDICTION.itemsize)
            # What an interruption left is mended before more is added.
            whole = np.frombuffer(corpus.taught_file(out).read_bytes(), corpus.PREDICTION)
            corpus.taught_file(out).write_bytes(whole.tobytes()[:1000])
            argv = ["write.py", *fixed, *asked, "--seed", "1"]
            with mock.patch.object(sys, "argv", argv), mock.patch.object(write, "time", clock):
                write.Run(write.options()).run()
            again = np.frombuffer(corpus.taught_file(out).read_bytes(), corpus.PREDICTION)
            self.assertEqual(
                len(again), sum(len(line["prompt"]) + len(line["answer"]) - 1 for line in corpus.raw_lines(out))
            )
            self.assertLess(np.abs(again["log"][: len(whole)].astype("f4") - whole["log"].astype("f4")).max(), 5e-3)

    def test_a_writer_goes_on_with_texts_as_they_are(self):
        self.teacher.save_pretrained(self.home)
        save_tokenizer(self.home)
        prompts = [[5, 6, 7], [9, 4], [8, 8, 30]]
        (self.home / "pieces.jsonl").write_text(
            "".join(json.dumps({"prompt": prompt, "answer": [1, 2], "kind": "code"}) + "\n" for prompt in prompts)
        )
        out = self.home / "written.jsonl"
        asked = ["--target", self.home, "--out", out, "--prompts", self.home / "pieces.jsonl", "--max-tokens", 8]
        with mock.patch.object(sys, "argv", ["write.py", *map(str, asked), "--temperature", "0"]):
            write.Run(write.options()).run()
        lines = list(corpus.raw_lines(out))
        self.assertCountEqual([line["prompt"] for line in lines], prompts)
        for line in lines:
            said = self.teacher.generate(
                torch.tensor([line["prompt"]]), max_new_tokens=8, do_sample=False, eos_token_id=[0], pad_token_id=0
            )
            self.assertEqual(said[0, len(line["prompt"]) :].tolist()[: len(line["answer"])], line["answer"])


class Architectures(unittest.TestCase):
    """The decoder against transformers, for what each architecture adds."""

    shape: ClassVar = {
        "vocab_size": 300,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
    }

    def models(self) -> Iterator[tuple[str, PreTrainedModel]]:
        scaled = {
            "rope_type": "llama3",
            "rope_theta": 1e4,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 16,
        }
        untied, tied = {"tie_word_embeddings": False}, {"tie_word_embeddings": True}
        for config in (
            LlamaConfig(**self.shape, **untied, head_dim=16, rope_parameters=scaled),
            MistralConfig(**self.shape, **untied, head_dim=16, sliding_window=None),
            Qwen2Config(**self.shape, **tied),
            Qwen3Config(**self.shape, **tied, head_dim=16),
        ):
            torch.manual_seed(5)
            model = AutoModelForCausalLM.from_config(config).eval()
            for name, weight in model.named_parameters():
                # Biases begin as zeros and norms as ones, which would hide a part that is not applied.
                if weight.ndim == 1:
                    torch.nn.init.normal_(weight, mean=float("norm" in name), std=0.3)
                elif "proj" in name or "embed" in name or "head" in name:
                    torch.nn.init.normal_(weight, std=0.15)
            yield config.model_type, model

    def test_are_computed_as_transformers_does(self):
        rng = random.Random(4)
        texts = [[rng.randrange(300) for _ in range(length)] for length in (30, 21, 2)]
        for name, model in self.models():
            with self.subTest(name), torch.no_grad():
                wanted = [model(torch.tensor([text])).logits[0, :-1].log_softmax(-1) for text in texts]
                greedy = model.generate(torch.tensor([texts[0]]), max_new_tokens=9, do_sample=False, eos_token_id=None)
                plain = copy.deepcopy(model)
                for products, most in ((torch.float32, 2e-3), (torch.bfloat16, 0.15)):
                    taken = decoder.Decoder(copy.deepcopy(plain), products)
                    for predicted, logs in zip(decoder.judge(taken, texts), wanted):
                        likeliest = logs.gather(1, torch.from_numpy(predicted["token"].astype(np.int64))).numpy()
                        self.assertLess(np.abs(likeliest - predicted["log"].astype("f4")).max(), most)
                    if products == torch.float32:
                        first, _ = decoder.write(taken, texts[:2], [0, 1], 9, (), torch.Generator().manual_seed(0))
                        self.assertEqual(first.written, greedy[0, 30:].tolist())

    def test_blocks_to_be_compiled_compute_and_learn_the_same(self):
        ids = torch.randint(0, 300, (3, 40), generator=torch.Generator().manual_seed(1))
        at = torch.rand(3, 40, generator=torch.Generator().manual_seed(2)) < 0.7
        for name, model in self.models():
            with (
                self.subTest(name),
                mock.patch.object(torch, "compile", lambda function, **_: function),
                mock.patch.object(student, "has_bf16", return_value=False),
                # Two chunks of queries and a part of one.
                mock.patch.object(compiled, "CHUNK", 16),
            ):
                wanted = student.states(model, ids, at)
                blocks = compiled.Blocks(model)
                states = blocks.states(ids, at)
                self.assertLess((states - wanted).abs().max().item(), 1e-4)
                weights = [weight for weight in model.parameters() if weight is not student.head(model)]
                gradients = (torch.autograd.grad(part.square().sum(), weights) for part in (states, wanted))
                for mine, theirs in zip(*gradients):
                    self.assertLess((mine - theirs).abs().max().item(), 1e-4 * max(1, theirs.abs().max().item()))


class Devices(unittest.TestCase):
    def test_what_needs_f64_runs_on_the_processor_of_a_mac(self):
        with (
            mock.patch.object(torch.cuda, "is_available", return_value=False),
            mock.patch.object(torch.backends.mps, "is_available", return_value=True),
        ):
            self.assertEqual((student.pick_device(), student.pick_device(exact=True)), ("mps", "cpu"))


class Arguments(unittest.TestCase):
    def test_out_of_range_are_refused_by_name_with_the_limit(self):
        given = ["--student", "x", "--text", "x", "--out", "x", "--model", "x", "--channels", "1"]
        for command, own, option, value, limits in [
            (distil, given[:6], "--teacher-temperature", "0", "must be above 0"),
            (distil, given[:6], "--rate", "nan", "must be above 0"),
            (distil, given[:6], "--acceptance", "1.5", "must be from 0 to 1"),
            (distil, given[:6], "--warmup", "0", "must be 1 or more"),
            (cut, given[2:], "--rate", "0", "must be above 0"),
            (cut, given[2:], "--readings", "-1", "must be 0 or more"),
        ]:
            said = io.StringIO()
            with (
                self.subTest(option),
                mock.patch.object(sys, "argv", ["command", *own, option, value]),
                contextlib.redirect_stderr(said),
                self.assertRaises(SystemExit),
            ):
                command.options()
            self.assertIn(f"argument {option}: {value} {limits}", said.getvalue())


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


class Tokens(unittest.TestCase):
    def test_left_out_are_read_as_their_last_piece(self):
        home = Path(tempfile.mkdtemp())
        save_tokenizer(home)
        text = home / "text.jsonl"
        write_lines(text, [corpus.Line([30, 30, 40], [40, 40, 41], 0, NOTHING)])
        tokens = vocabulary.trimmed([text], home / "tokenizer.json", VOCABULARY, 28)
        self.assertEqual(tokens.kept.tolist(), [*range(LETTERS), 30, 40])
        # 41 is letters 15 and 16.
        self.assertEqual(tokens.read(torch.tensor([41, 40, 3])).tolist(), [16, 27, 3])
        self.assertEqual(tokens.row_of[41].item(), -1)
        with self.assertRaises(SystemExit):
            vocabulary.trimmed([text], home / "tokenizer.json", VOCABULARY, 25)

    def test_are_those_of_the_stage_where_a_model_has_more_rows_than_tokens(self):
        # test/compress/stages/trim-vocabulary.test.ts takes the same case.
        case = json.loads((Path(__file__).parents[2] / "test/cases/trimmed.json").read_text())
        home = Path(tempfile.mkdtemp())
        (home / "tokenizer.json").write_text(json.dumps(case["tokenizer"]))
        write_lines(home / "text.jsonl", [corpus.Line(case["text"][:3], case["text"][3:], 0, NOTHING)])
        tokens = vocabulary.trimmed([home / "text.jsonl"], home / "tokenizer.json", case["rows"], case["keep"])
        self.assertEqual(tokens.kept.tolist(), case["kept"])
        missing = [token for token in range(27) if token not in case["kept"]]
        self.assertEqual(tokens.read_as[missing].tolist(), case["substitutes"])
        self.assertEqual([len(tokens.read_as), len(tokens.row_of)], [case["rows"]] * 2)

    def test_come_back_as_they_were(self):
        model = llama(1).eval()
        kept, ids = torch.tensor([1, 5, 9]), torch.tensor([[5, 9, 1, 1]])
        before = model(ids).logits
        weights = student.trim(model, kept)
        trimmed = student.logits(model, torch.tensor([[1, 2, 0, 0]]), torch.ones(1, 4, dtype=torch.bool))
        self.assertTrue(torch.allclose(trimmed, before[0, :, kept], atol=1e-6))
        student.widen(model, kept, weights)
        self.assertTrue(torch.equal(model(ids).logits, before))

    def test_that_a_trimmed_draft_lacked_begin_as_its_target_has_them(self):
        target, draft = llama(2), llama(1)
        turned = torch.linalg.qr(torch.randn(32, 32, dtype=torch.float64)).Q
        lasts = [None] * LETTERS + [0] * (VOCABULARY - LETTERS)
        theirs, rows = target.model.embed_tokens.weight.detach(), draft.model.embed_tokens.weight.detach()
        # More tokens with rows than channels, or the map is not known.
        wanted = (theirs.double() @ turned).float()
        rows.copy_(wanted)
        rows[44:] = rows[0]
        self.assertEqual(student.copy_missing_rows(draft, target, lasts), VOCABULARY - 44)
        self.assertTrue(torch.allclose(rows, wanted, atol=1e-5))


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
        batch = corpus.padded([corpus.Line(prompt, answer, 0, NOTHING)])
        scores = [score.Score()]
        score.add_batch(scores, draft(batch.ids).logits.argmax(-1)[batch.answered], batch, [0])
        self.assertEqual((scores[0].tokens, scores[0].passes), (60, passes))

    def test_recorded_answers_are_scored_among_the_tokens_that_a_draft_has(self):
        draft, home = llama(1).eval(), Path(tempfile.mkdtemp())
        kept_ids = [3, 5, 8, 13]
        sizes = {"vocabulary": {"size": VOCABULARY}, "config": {"vocabulary": 4}}
        header = {**sizes, "kept": kept_ids, "substitutes": [5] * (VOCABULARY - 4)}
        (home / "pack.json").write_text(json.dumps(header))
        (home / "whole").mkdir()
        (home / "whole" / "pack.json").write_text(json.dumps(sizes))
        for pack in (home / "whole", home):
            kept = measure.kept_by(pack)
            rows = torch.arange(VOCABULARY) if kept is None else torch.tensor(kept_ids)
            answer = [4, 2]
            for _ in range(9):
                read = [token if kept is None or token in kept_ids else 5 for token in answer]
                logits = draft(torch.tensor([read])).logits[0, -1, rows]
                answer.append(int(rows[logits.argmax()]))
            # The last token is none that the model would say.
            answer[-1] = (answer[-1] + 1) % VOCABULARY
            write_lines(home / "kind.jsonl", [corpus.Line(answer[:2], answer[2:], 0, NOTHING)])
            with mock.patch.object(student, "has_bf16", return_value=False):
                found = measure.measure(draft, measure.lines_of(home / "kind.jsonl"), kept)
            self.assertEqual((found.tokens, found.agreed, found.passes), (9, 8, 1))


class Quantised(unittest.TestCase):
    def test_weights_are_the_nearest_of_few_values_on_a_grid(self):
        torch.manual_seed(0)
        weight = torch.randn(5, 96)
        for entries in (8, 16):
            rounded = quantise.RowCodebook(weight, entries)(weight)
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
            self.assertLess((quantise.RowCodebook(held, entries)(held) - held).abs().max().item(), 1e-6)

    def test_rows_share_four_levels_up_to_their_scales(self):
        torch.manual_seed(2)
        weight = torch.randn(7, 96) * torch.rand(7, 1)
        rounded = quantise.SharedLevels(weight)(weight)
        shares = [row.unique() / row.abs().max() for row in rounded]
        for share in shares:
            self.assertTrue(torch.allclose(share, shares[0], atol=1e-5))
        nearest = [
            row.unique()[(plain[:, None] - row.unique()).abs().argmin(-1)] for row, plain in zip(rounded, weight)
        ]
        self.assertTrue(torch.equal(torch.stack(nearest), rounded))
        # A normal variable loses 0.1175 of its variance to its best four levels.
        self.assertLess(((rounded - weight).square().sum() / weight.square().sum()).item(), 0.13)

    def test_levels_begin_as_what_a_pack_holds(self):
        torch.manual_seed(3)
        levels = torch.tensor([-1.3, -0.2, 0.5, 1.7])
        held = torch.rand(6, 1) * levels[torch.randint(0, 4, (6, 90))]
        held[2, held[2] > 0.5 * held[2].max()] = held[2].min()  # a row that uses three of them
        held[4] = 0
        self.assertLess((quantise.SharedLevels(held)(held) - held).abs().max().item(), 1e-6)
        self.assertIsNone(quantise.held_levels(held + 0.01 * torch.randn(6, 90)))

    def test_other_bases_lose_less_and_settle_as_what_a_pack_holds(self):
        source = Path(__file__).parents[2] / "src/model/formats"
        # Beside the format of as many bits in the model's own basis.
        for kind, name, plain in (
            ("q2had", "NORMAL_LEVELS", quantise.SharedLevels),
            ("q3had", "STEPS", lambda weight: quantise.RowCodebook(weight, 8)),
        ):
            torch.manual_seed(7)
            module = torch.nn.Linear(128, 6, bias=False)
            weight = torch.randn(6, 128)
            weight[:, 5::32] *= 8
            module.weight = torch.nn.Parameter(weight.clone())
            self.assertTrue(torch.allclose(quantise.rotated(quantise.rotated(weight)), weight, atol=1e-5))
            quantise.round_weight(module, kind)
            lost = [(rounded - weight).square().sum() for rounded in (module.weight, plain(weight)(weight))]
            self.assertLess((lost[0] / lost[1]).item(), 0.8)
            upstream = torch.randn(6, 128)
            (module.weight * upstream).sum().backward()
            own = module.parametrizations.weight.original
            self.assertTrue(torch.allclose(quantise.rotated(own), weight, atol=1e-5))
            self.assertTrue(torch.allclose(own.grad, quantise.rotated(upstream), atol=1e-5))
            behind = torch.nn.Linear(128, 6, bias=False)
            behind.weight = torch.nn.Parameter(weight.clone())
            parametrize.register_parametrization(behind, "weight", torch.nn.Identity())
            quantise.round_weight(behind, kind)
            self.assertTrue(torch.allclose(behind.weight, module.weight, atol=1e-4))
            quantise.settle_modules(module)
            fixed = quantise.FORMATS[kind].fixed
            self.assertIsNotNone(quantise.held_scales(quantise.rotated(module.weight.detach()), torch.tensor(fixed)))
            # Those that packs have.
            self.assertIn(f"{name} = {list(fixed)}", (source / f"{kind}.ts").read_text())
            again = quantise.FORMATS[kind](module.weight)(module.weight)
            self.assertLess((again - module.weight).abs().max().item(), 1e-4)

    def test_sums_of_entries_lose_less_than_levels_and_settle_as_what_a_pack_holds(self):
        source = (Path(__file__).parents[2] / "src/model/formats/books.ts").read_text()
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
            # No sum of entries is nearer.
            form = module.parametrizations.weight[0]
            fours, taken = (
                quantise.rotated(part.detach())[:2].unflatten(-1, (-1, 4)) / form.scales.detach()[:2, None, None]
                for part in (weight, module.weight)
            )
            far = (fours[:, :, None] - form.words).square().sum(-1).min(-1).values
            self.assertTrue(torch.allclose((fours - taken).square().sum(-1), far, atol=1e-4))
            # The scales learn, the words do not.
            (module.weight * torch.randn(24, 256)).sum().backward()
            self.assertIsNone(module.parametrizations.weight.original.grad)
            with torch.no_grad():
                form.scales += 0.1 * form.scales * torch.randn(24)
            ran = module.weight.detach().clone()
            quantise.settle_modules(module)
            self.assertTrue(torch.equal(module.weight, ran))
            again = quantise.FORMATS[kind](module.weight)
            self.assertLess((again.scales - form.scales).abs().max().item(), 1e-5)
            self.assertLess((again(module.weight) - module.weight).abs().max().item(), 1e-4)

    def test_gradients_reach_levels_and_scales(self):
        torch.manual_seed(4)
        weight = torch.randn(3, 64, requires_grad=True)
        shared, upstream = quantise.SharedLevels(weight), torch.randn(3, 64)
        before = shared(weight)
        (before * upstream).sum().backward()
        self.assertTrue(torch.equal(weight.grad, upstream))
        # Steps so small that no weight changes its level.
        for values in (shared.levels, shared.scales):
            step, gradient = 1e-3 * torch.randn_like(values), values.grad.clone()
            codes = (before.detach() / shared.scales.detach()[:, None]).unsqueeze(-1).sub(shared.levels.detach())
            codes = codes.abs().argmin(-1)
            with torch.no_grad():
                values += step
                after = shared.scales[:, None] * shared.levels[codes]
                values -= step
            self.assertAlmostEqual(((after - before) * upstream).sum().item(), (gradient * step).sum().item(), places=4)

    def test_levels_are_rounded_as_products_are_and_learn_in_f32(self):
        torch.manual_seed(5)
        weight = torch.randn(3, 64, requires_grad=True)
        shared, x = quantise.SharedLevels(weight), torch.randn(2, 64)
        plain = shared(weight)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = shared(weight)
            (x @ rounded.T).float().sum().backward()
        self.assertTrue(torch.equal(rounded, plain.bfloat16()))
        self.assertEqual(weight.grad.dtype, torch.float32)
        self.assertLess((weight.grad - x.sum(0)).abs().max().item(), 0.02)

    def test_gradients_go_straight_through_to_weights_and_by_membership_to_values(self):
        weight = torch.randn(2, 64, requires_grad=True)
        codebook = quantise.RowCodebook(weight, 8)
        upstream = torch.randn(2, 64)
        (codebook(weight) * upstream).sum().backward()
        self.assertTrue(torch.equal(weight.grad, upstream))
        self.assertTrue(torch.allclose(codebook.entries.grad.sum(-1), upstream.sum(-1), atol=1e-4))

    def test_settled_weights_are_what_ran(self):
        model = llama(2).eval()
        kept = torch.tensor([1, 2, 3, 9])
        before = student.trim(model, kept)
        quantise.quantise(model, "q2lut+lut3")
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
        self.assertEqual(max(len(row.unique()) for row in mlp.up_proj.weight), 4)
        self.assertEqual(max(len(row.unique()) for row in mlp.down_proj.weight), 8)

    def test_a_block_may_have_matrices_of_two_formats(self):
        finer = {"mlp.down_proj", "self_attn.v_proj"}
        for name in ("mlp.down_proj", "mlp.up_proj", "self_attn.q_proj", "self_attn.v_proj"):
            wanted = "q3had" if name in finer else "q2had"
            self.assertEqual(quantise.format_of("q2had+q3had", name), wanted)
            self.assertEqual(quantise.format_of("lut3", name), "lut3")
        learning = [blocks for blocks in quantise.BLOCK_FORMATS if not quantise.learns(blocks)]
        self.assertEqual(learning, ["q2add", "q3add", "q2add+q3add"])


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
        for kind, share in (("lut4", 0.75), ("lut3", 0.75), ("q2lut", 0.75)):
            form = quantise.FORMATS[kind](self.weight)
            nearest = form(self.weight).detach()
            rounded = gptq.rounded(self.weight, self.gram, kind)
            self.assertLess(self.lost(rounded), share * self.lost(nearest), kind)
            self.assertLess((quantise.FORMATS[kind](rounded)(rounded) - rounded).abs().max().item(), 1e-6, kind)

    def test_the_grid_of_a_row_is_that_of_the_values_it_has(self):
        for entries in (8, 16):
            form = quantise.RowCodebook(self.weight, entries)
            with torch.no_grad():
                # No weight has the least or the largest value.
                codes = choices.between(form.values(), self.weight).clamp(1, entries - 2)
                form.refit(self.weight, codes, self.gram)
                for row in form.taken(codes):
                    steps = 63 * (row - row.min()) / (row.max() - row.min())
                    self.assertLess((steps - steps.round()).abs().max().item(), 1e-3)

    def test_values_are_those_that_lose_least_with_their_codes(self):
        form = quantise.RowCodebook(self.weight, 8)
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
            shared = quantise.SharedLevels(self.weight)
            codes = choices.between(shared.values(), self.weight)
            shared.refit(self.weight, codes, self.gram)
            fitted = self.lost(shared.values().gather(1, codes))
            for change in (0.99, 1.01):
                self.assertGreater(self.lost(change * shared.values().gather(1, codes)), fitted)


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
        for kind in ("lut3", "q2lut", "q2had", "q3had", "q2add", "q3add"):
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
        self.assertEqual(cut.evenly(10, 4), [0, 2, 5, 7])
        self.assertEqual(cut.evenly(3, 5), [0, 1, 2])
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
        for name in ("lut4", "q2lut+lut3"):
            figures = self.cut(name, "--quantise", name, "--blocks", "0,1,3", "--tie", "--rate", 0.002)
            self.assertEqual([line["block"] for line in figures], [0, 1, 3])
            # Later blocks also make up for what is lost before them.
            self.assertGreater(figures[0]["rounded"], figures[0]["solved"])
            for line in figures:
                self.assertLess(line["taught"][-1], line["rounded"], line)
                self.assertLess(line["error"], line["rounded"], line)
            made = AutoModelForCausalLM.from_pretrained(self.home / name)
            self.assertEqual((made.config.num_hidden_layers, made.config.intermediate_size), (3, 24))
            self.assertTrue(torch.equal(made.get_input_embeddings().weight, self.model.lm_head.weight))
            mlp = made.model.layers[2].mlp
            up, down = (max(len(row.unique()) for row in own.weight) for own in (mlp.up_proj, mlp.down_proj))
            most, most_of_down = (16, 16) if name == "lut4" else (4, 8)
            self.assertLessEqual(up, most)
            self.assertGreater(up, most / 2)
            self.assertLessEqual(down, most_of_down)
            self.assertGreater(down, most_of_down / 2)

    def test_rounded_matrices_make_up_for_what_those_before_them_lost(self):
        options = ["--channels", 64, "--quantise", "q2lut", "--readings", 0]
        made_up = self.cut("made-up", *options)
        with mock.patch.object(rounding, "drawn_to", lambda weight, *_: weight):
            alone = self.cut("alone", *options)
        self.assertLess(made_up[-1]["error"], 0.97 * alone[-1]["error"])
        for line in alone:
            self.assertGreater(line["rounded"], line["solved"])

    def test_errors_are_weighed_where_nothing_is_cut(self):
        options = ["--quantise", "q2lut", "--readings", 0]
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
        for line in self.cut("rotated", "--quantise", "q2had+q3had", "--channels", 64, "--rate", 0.0003):
            self.assertLess(line["error"], line["rounded"], line)
        made = AutoModelForCausalLM.from_pretrained(self.home / "rotated").model.layers[1]
        with torch.no_grad():
            self.assertIsNotNone(quantise.held_levels(quantise.rotated(made.self_attn.q_proj.weight)))
            steps = torch.tensor(quantise.STEPS)
            self.assertIsNotNone(quantise.held_scales(quantise.rotated(made.mlp.down_proj.weight), steps))

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
            (["--quantise", "q2had"], "q2had takes columns in multiples of 64, and q_proj has 32"),
        ):
            with self.assertRaisesRegex(SystemExit, why):
                self.cut("refused", *options)
        self.cut("kept", "--readings", 0)
        with self.assertRaisesRegex(SystemExit, "of another cut"):
            self.cut("kept", "--blocks", "0,1")


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
            distil.Run(distil.options()).run()
        return [json.loads(line) for line in (self.home / out / "curve.jsonl").read_text().splitlines()]

    def weights(self, out: str) -> dict[str, torch.Tensor]:
        return LlamaForCausalLM.from_pretrained(self.home / out).state_dict()

    def test_learns(self):
        for options in (
            [],
            ["--acceptance", 0.5],
            ["--prompts", 0.1],
            ["--quantise", "lut4"],
            ["--quantise", "q2lut", "--quantise-vocabulary", "lut3"],
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
                distil.Run(distil.options()).average()
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
            # each shape of a matrix: q and o, k and v, gate and up, down.
            pieces = dict(torch._dynamo.utils.counters["frames"])
            self.assertEqual(pieces["total"], pieces["ok"])
            self.assertEqual(pieces["ok"], 1 + 4 * 4 if name == "rounded" else 1, name)
            # The same batches through the blocks of transformers.
            with mock.patch.object(compiled.Blocks, "states", lambda self, *args: student.states(self.model, *args)):
                plain = self.train(f"{name}-plain", *fixed)
            self.assertEqual(len(curve), len(plain))
            for mine, theirs in zip(curve, plain):
                # Losses of 0.0066 to 0.0024, told to four places.
                self.assertAlmostEqual(mine["loss"], theirs["loss"], delta=1.5e-4, msg=name)
        first = torch.load(self.home / "plain-compiled" / distil.CHECKPOINT)["step"]
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
        narrow = {**Architectures.shape, "vocab_size": VOCABULARY, "intermediate_size": 48, "head_dim": 8}
        config = Qwen2Config(**narrow, tie_word_embeddings=True, pad_token_id=VOCABULARY - 1)
        model = AutoModelForCausalLM.from_config(config)
        model.save_pretrained(self.home / "student")
        curve = self.train("narrow", "--epochs", 3, "--head", 40, "--quantise", "lut3")
        self.assertLess(curve[-1]["loss"], curve[0]["loss"])
        made = AutoModelForCausalLM.from_pretrained(self.home / "narrow")
        self.assertEqual(made.config.model_type, "qwen2")
        self.assertFalse(
            torch.equal(made.model.layers[0].self_attn.q_proj.bias, model.model.layers[0].self_attn.q_proj.bias)
        )
        self.assertLessEqual(max(len(row.unique()) for row in made.model.layers[0].mlp.up_proj.weight), 8)

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
        self.assertLess((self.home / "small" / distil.CHECKPOINT).stat().st_size, 4 * count)

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

    def test_a_teacher_of_the_kept_tokens_alone_predicts_nothing_else(self):
        kept = torch.arange(3, VOCABULARY)
        few = vocabulary.Vocabulary.of(kept, torch.arange(VOCABULARY).clamp_min(3))
        batch = corpus.padded(corpus.read([self.text], "train", 768)[:4])
        said = teacher.Teacher(self.home / "teacher", "cpu", few, False).judged(batch)
        read = batch.ids.clamp_min(3)
        logits = llama(3).eval()(read).logits[said.taught][:, 3:]
        self.assertGreaterEqual(int(said.tokens.min()), 3)
        wanted = logits.log_softmax(-1).gather(1, said.tokens - 3)
        self.assertLess((said.logs - wanted).abs().max().item(), 0.01)

    def test_rounded_weights_learn_from_a_teacher_on_text_that_nobody_judged(self):
        corpus.taught_file(self.text).unlink()
        options = ["--teacher", self.home / "student", "--quantise", "q2lut", "--quantise-vocabulary", "lut3"]
        for more in ([], ["--compile"] if compiled.has_compiler() else []):
            curve = self.train(f"self{len(more)}", "--epochs", 3, *options, *more)
            self.assertLess(curve[-1]["loss"], 0.7 * curve[0]["loss"])

    def test_fixed_weights_stay_and_what_they_are_rounded_to_learns(self):
        fixed = ["--quantise", "q2lut", "--quantise-vocabulary", "lut3", "--fix-weights", "--epochs", 1]
        rounded = llama(1)
        quantise.quantise(rounded, "q2lut", "lut3")
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
