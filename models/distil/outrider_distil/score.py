"""
Tokens per target pass of a draft on greedy text that the target wrote. Teacher-forced agreement is enough to compute
it: no decoding is needed.
"""

from dataclasses import dataclass

import torch


@dataclass
class Score:
    tokens: int = 0
    passes: int = 0
    agreed: int = 0

    @property
    def per_pass(self) -> float:
        return self.tokens / max(1, self.passes)

    @property
    def agreement(self) -> float:
        return self.agreed / max(1, self.tokens)

    def __add__(self, other: "Score") -> "Score":
        return Score(self.tokens + other.tokens, self.passes + other.passes, self.agreed + other.agreed)


def add(score: Score, agrees: list[bool], drafted: int = 8) -> None:
    """
    Adds one answer. agrees: for each of its tokens, whether the draft's argmax is that token. A draft that has been
    right so far has seen exactly what the target wrote, so its first wrong token is the first disagreement; the next
    pass begins behind it.
    """
    at = 0
    while at < len(agrees):
        kept = 0
        while kept < drafted and at + kept < len(agrees) and agrees[at + kept]:
            kept += 1
        at += kept + 1
        score.passes += 1
    score.tokens += len(agrees)
    score.agreed += sum(agrees)


@torch.no_grad()
def add_batch(scores: list[Score], predicted: torch.Tensor, batch, kinds: list[int]) -> None:
    """Adds each row of a batch to the score of its kind. predicted: (N) ids, of the answered positions row by row."""
    right = predicted == batch.ids.roll(-1, 1)[batch.answered]
    for kind, agrees in zip(kinds, right.split(batch.answered.sum(1).tolist()), strict=True):
        add(scores[kind], agrees.tolist())
