"""How well a draft predicts the greedy answers that it is not taught, by kind."""

import torch
from torch import nn

from . import corpus
from . import student as models
from .meanings import Meanings
from .score import Score, add_batch
from .vocabulary import Vocabulary

LINES = 16  # that are scored at a time


def chosen(lines: list[corpus.Line], count: int) -> dict[str, list[corpus.Line]]:
    """By kind, the first greedy lines: `count` of all kinds together, equally many of each."""
    kinds: dict[str, list[corpus.Line]] = {}
    for line in lines:
        if line.temperature == 0:
            kinds.setdefault(line.kind, []).append(line)
    return {kind: own[: max(1, count // len(kinds))] for kind, own in sorted(kinds.items())}


@torch.no_grad()
def scored(student: nn.Module, vocabulary: Vocabulary, held_out: dict[str, list[corpus.Line]]) -> dict[str, object]:
    """
    Tokens per target pass, and without answers that loop; and by kind, where lines have kinds. What the target did not
    write stands by its kind only.
    """
    student.eval()
    device = str(vocabulary.kept.device)
    plain, looping, by_kind = Score(), Score(), {}
    for kind, lines in held_out.items():
        scores = by_kind[kind] = [Score(), Score()]
        for start in range(0, len(lines), LINES):
            part = lines[start : start + LINES]
            batch = corpus.padded(part).to(device)
            logits = models.logits(student, vocabulary.read(batch.ids), batch.answered)
            meanings = Meanings(vocabulary, batch.ids, batch.answered)
            predicted = meanings.tokens(logits.argmax(-1, keepdim=True))[:, 0]
            add_batch(scores, predicted, batch, [int(corpus.loops(line.answer)) for line in part])
        if kind not in corpus.REAL:
            plain, looping = plain + scores[0], looping + scores[1]
    total = plain + looping
    figures = {
        "tokens_per_pass": round(total.per_pass, 3),
        "without_loops": round(plain.per_pass, 3),
        "agreement": round(total.agreement, 4),
    }
    if len(by_kind) > 1:
        figures["by_kind"] = {kind: round((own[0] + own[1]).per_pass, 3) for kind, own in by_kind.items()}
    return figures
