import itertools
import json
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from outrider_distil import corpus, decoder, teach, write

from .support import likeliest_logs, lines, llama, save_tokenizer, write_lines


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
