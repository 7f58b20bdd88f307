"""
Scores a checkpoint on a target's recorded answers, which it was not taught on:

    python -m outrider_distil.measure --model DIR --answers FILE.jsonl.gz … [--kept PACK]

Each file is a kind of question. Prints a line of JSON: the share of the answers' tokens that are the model's first
choice, and the tokens per target pass in chains of 8, by kind and as the mean of kinds. With --kept the model chooses
among the tokens of that pack's draft alone. `outrider eval` measures packs, and as the service drafts.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

from . import argument, corpus
from . import student as models
from .meanings import Meanings
from .memory import keep_freed
from .score import Score, add_batch
from .vocabulary import Vocabulary, whole


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=argument.checkpoint, required=True)
    parser.add_argument("--answers", type=argument.file, nargs="+", required=True)
    parser.add_argument("--kept", type=argument.pack, metavar="PACK")
    return parser.parse_args()


@torch.no_grad()
def measure(model: nn.Module, lines: list[corpus.Line], kept: Vocabulary | None = None) -> Score:
    """kept: the tokens that the model has; all where it is None."""
    head = models.head(model)
    device = head.device
    vocabulary = (kept or whole(len(head))).to(device)
    rows, score = head if kept is None else head[vocabulary.kept], Score()
    for line in lines:
        batch = corpus.padded([line]).to(device)
        with models.autocast(device.type):
            logits = models.states(model, vocabulary.read_as[batch.ids], batch.answered) @ rows.T
        meanings = Meanings(vocabulary, batch.ids, batch.answered)
        add_batch([score], meanings.tokens(logits.argmax(-1, keepdim=True))[:, 0], batch, [0])
    return score


def kept_by(pack: Path) -> Vocabulary | None:
    """The tokens that a pack's draft has, and what it reads the others as; None where it has all."""
    header = json.loads((pack / "pack.json").read_text())
    if "substitutes" not in header:
        return None
    size = header["vocabulary"]["size"]
    kept = torch.tensor(header.get("kept") or list(range(header["config"]["vocabulary"])))
    read_as = torch.arange(size)
    missing = torch.ones(size, dtype=torch.bool)
    missing[kept] = False
    read_as[missing] = torch.tensor(header["substitutes"])
    return Vocabulary.of(kept, read_as)


def lines_of(file: Path) -> list[corpus.Line]:
    nothing = np.empty(0, corpus.PREDICTION)
    return [corpus.Line(raw["prompt"], raw["answer"], 0.0, nothing) for raw in corpus.raw_lines(file)]


if __name__ == "__main__":
    keep_freed()
    args = options()
    device = models.pick_device()
    model = models.load(args.model, device).eval()
    kept = kept_by(args.kept) if args.kept else None
    kinds: dict[str, Score] = {}
    for file in args.answers:
        kind = file.name.split(".")[0]
        kinds[kind] = kinds.get(kind, Score()) + measure(model, lines_of(file), kept)
    total = sum(kinds.values(), Score())
    print(
        json.dumps(
            {
                "tokens": total.tokens,
                "agreement": round(total.agreement, 4),
                "tokens_per_pass": round(sum(score.per_pass for score in kinds.values()) / len(kinds), 3),
                "by_kind": {kind: round(score.per_pass, 2) for kind, score in kinds.items()},
            }
        )
    )
