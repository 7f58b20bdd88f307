import json
import random
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import torch

from outrider_distil import corpus, measure, score, student

from .support import NOTHING, VOCABULARY, llama, write_lines


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
                row = int(rows[logits.argmax()])
                # The token that was last read from the row.
                answer.append(dict(zip(read, answer)).get(row, row))
            # The last token is none that the model would say.
            answer[-1] = (answer[-1] + 1) % VOCABULARY
            write_lines(home / "kind.jsonl", [corpus.Line(answer[:2], answer[2:], 0, NOTHING)])
            with mock.patch.object(student, "has_bf16", return_value=False):
                found = measure.measure(draft, measure.lines_of(home / "kind.jsonl"), kept)
            self.assertEqual((found.tokens, found.agreed, found.passes), (9, 8, 1))
