import json
import tempfile
import unittest
from pathlib import Path

import torch

from outrider_distil import corpus, student, vocabulary

from .support import LETTERS, NOTHING, ROOT, VOCABULARY, llama, save_tokenizer, write_lines


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
        case = json.loads((ROOT / "test/cases/trimmed.json").read_text())
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
