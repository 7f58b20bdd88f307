import unittest

import torch

from outrider_distil import vocabulary
from outrider_distil.meanings import Meanings

SIZE, SEED = 40, 3


def some_lines() -> tuple[torch.Tensor, torch.Tensor]:
    """(B, T) ids of few tokens, so that they come again, and (B, T) positions."""
    torch.manual_seed(SEED)
    return torch.randint(SIZE, (5, 60)), torch.rand(5, 60) < 0.7


class Rows(unittest.TestCase):
    def test_stand_for_the_token_that_was_last_read_from_them(self):
        ids, at = some_lines()
        kept = torch.randperm(SIZE)[:12].sort().values
        read_as = torch.where(torch.isin(torch.arange(SIZE), kept), torch.arange(SIZE), kept[torch.arange(SIZE) % 12])
        own = vocabulary.Vocabulary.of(kept, read_as)
        meanings = Meanings(own, ids, at)
        tokens = torch.randint(SIZE, (int(at.sum()), 7))
        rows = torch.randint(len(kept), (int(at.sum()), 7))
        wanted_rows, wanted_tokens, others, n = [], [], 0, 0
        for line, asked in zip(ids.tolist(), at.tolist()):
            means = dict(enumerate(kept.tolist()))
            for token, is_asked in zip(line, asked):
                means[own.row_of[read_as[token]].item()] = token
                if not is_asked:
                    continue
                row_of = {token: row for row, token in means.items()}
                wanted_rows.append([row_of.get(token, -1) for token in tokens[n].tolist()])
                wanted_tokens.append([means[row] for row in rows[n].tolist()])
                others += sum(means[row] != kept[row] for row in rows[n].tolist())
                n += 1
        self.assertEqual(meanings.rows(tokens).tolist(), wanted_rows)
        self.assertEqual(meanings.tokens(rows).tolist(), wanted_tokens)
        self.assertGreater(others, n)

    def test_of_a_whole_vocabulary_stand_for_their_own_tokens(self):
        ids, at = some_lines()
        meanings = Meanings(vocabulary.whole(SIZE), ids, at)
        tokens = torch.randint(SIZE, (int(at.sum()), 3))
        self.assertTrue(torch.equal(meanings.rows(tokens), tokens))
        self.assertTrue(torch.equal(meanings.tokens(tokens), tokens))
