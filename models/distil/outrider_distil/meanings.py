"""
What a draft with a trimmed vocabulary means by its rows, as src/core/draft/meanings.ts has it: a row stands for the token
that was last read from it, or for its own. `edges` is read as its last piece `ges`, so `ges` behind it says `edges`.
"""

import torch

from .vocabulary import Vocabulary


class Meanings:
    """
    Of the positions of some lines. ids: (B, T). at: (B, T) bool, the N positions that are asked about, row by row; the
    token of a position is read before anything is said behind it.
    """

    def __init__(self, vocabulary: Vocabulary, ids: torch.Tensor, at: torch.Tensor):
        self.vocabulary, self.ids, self.at = vocabulary, ids, at
        self.trimmed = len(vocabulary.kept) < len(vocabulary.row_of)

    def tokens(self, rows: torch.Tensor) -> torch.Tensor:
        """rows: (N, C). The tokens that they stand for."""
        own = self.vocabulary.kept[rows]
        if not self.trimmed:
            return own
        read = self.vocabulary.read(self.ids)
        counts = self.at.sum(1).tolist()
        parts = zip(rows.split(counts), own.split(counts), self.ids, read, self.at)
        return torch.cat([last_read(*part) for part in parts])

    def rows(self, tokens: torch.Tensor) -> torch.Tensor:
        """tokens: (N, C). The rows that stand for them; −1 for a token that no row stands for."""
        rows = self.vocabulary.read(tokens)
        return torch.where(self.tokens(rows) == tokens, rows, -1)


def last_read(
    rows: torch.Tensor, own: torch.Tensor, ids: torch.Tensor, read: torch.Tensor, at: torch.Tensor
) -> torch.Tensor:
    """
    Of one line: the token that was last read from each of `rows` (N, C), `own` where none was. ids, read: (T), tokens
    and the rows that they are read from. at: (T) bool, the N positions.
    """
    order = torch.arange(1, len(ids) + 1, device=ids.device, dtype=torch.int32)
    come = at.nonzero() >= torch.arange(len(ids), device=ids.device)
    last = ((rows[:, :, None] == read) & come[:, None]).mul(order).amax(-1)
    return torch.where(last > 0, ids[(last - 1).clamp_min(0)], own)
