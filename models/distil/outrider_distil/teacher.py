"""
A teacher that predicts each batch as it is learned, in place of predictions beside the text (teach.py). Rounded weights
learn from what they were rounded from: that is a model of their own size, so its predictions cost a third of what
learning them does, and no text has to be judged by the target.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from . import student as models
from .compiled import Blocks
from .corpus import TOP, Batch
from .loss import PART
from .meanings import Meanings
from .vocabulary import Vocabulary


class Teacher:
    """
    The checkpoint `path`, with the rows of `vocabulary` only: what it predicts is spread over a draft's own tokens.
    compiled: whether its blocks are (compiled.py). Exits where its tokens are not those of `vocabulary`.
    """

    def __init__(self, path: Path, device: str, vocabulary: Vocabulary, compiled: bool):
        self.model = model = models.load(path, device).eval().requires_grad_(False)
        rows, tokens = model.config.vocab_size, len(vocabulary.row_of)
        if rows != tokens:
            raise SystemExit(f"--teacher has {rows} tokens and the student {tokens}: they must have the same")
        models.trim(model, vocabulary.kept)
        self.vocabulary = vocabulary
        self.states = Blocks(model).states if compiled else partial(models.states, model)
        self.head = models.head(model).detach().to(models.product_type(device))

    @torch.no_grad()
    def judged(self, batch: Batch) -> Batch:
        """The same lines, taught at every position that another token of its line follows."""
        followed = batch.answered.flip(1).cumsum(1).flip(1) > 0
        with models.autocast(batch.ids.device.type):
            states = self.states(self.vocabulary.read(batch.ids), followed)
        parts = [self.likeliest(part) for part in states.to(self.head.dtype).split(PART)]
        logs, rows = map(torch.cat, zip(*parts))
        tokens = Meanings(self.vocabulary, batch.ids, followed).tokens(rows)
        return replace(batch, taught=followed, tokens=tokens, logs=logs)

    def likeliest(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, hidden): log probabilities and rows of the TOP likeliest tokens, (N, TOP) each."""
        logs = (states @ self.head.T).float().log_softmax(-1)
        return logs.topk(min(TOP, logs.shape[-1]))
