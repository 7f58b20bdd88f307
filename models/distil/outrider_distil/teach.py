"""
Writes a teacher's predictions at every position of a text, once for all students and epochs:

    python -m outrider_distil.teach --teacher DIR --text FILE.jsonl … [--bf16] [--minutes 60]

They go to FILE.taught beside each FILE: for each line and each of its tokens but the last, the TOP likeliest next
tokens with their log probabilities. A line that nobody wrote, such as code, has an empty prompt: it is judged at each
of its positions all the same. Stop it with Ctrl-C; the same command goes on where it stopped, also when FILE has grown.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from . import argument, corpus
from . import student as models
from .decoder import Decoder, judge
from .memory import keep_freed

TOGETHER = 8  # batches whose lines are sorted by length, and written at once


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=argument.checkpoint, required=True)
    parser.add_argument("--text", type=argument.file, nargs="+", required=True)
    parser.add_argument("--tokens", type=argument.count, default=1024, help="padded positions of a batch")
    parser.add_argument("--minutes", type=argument.not_negative, default=float("inf"), help="of all files together")
    parser.add_argument(
        "--bf16",
        action="store_true",
        help="products in bf16: a fraction of the time where they are native, with slightly different predictions",
    )
    return parser.parse_args()


def teach(teacher: Decoder, file: Path, tokens: int, until: float = float("inf")) -> None:
    """
    Appends the predictions that `file` lacks, and first removes an incomplete record that an interruption left. tokens:
    padded positions of a batch. until: when to stop, in seconds of time.monotonic().
    """
    taught = corpus.taught_file(file)
    lines = [raw["prompt"] + raw["answer"] for raw in corpus.raw_lines(file)]
    positions = np.cumsum([len(line) - 1 for line in lines])
    have = taught.stat().st_size // corpus.PREDICTION.itemsize if taught.exists() else 0
    done = int(np.searchsorted(positions, have, side="right"))
    began, count = time.monotonic(), 0
    with open(taught, "ab") as out:
        out.truncate(int(positions[done - 1]) * corpus.PREDICTION.itemsize if done else 0)
        for part in corpus.grouped(lines[done:], TOGETHER * tokens):
            if time.monotonic() > until:
                break
            for predicted in judged(teacher, part, tokens):
                out.write(predicted.tobytes())
            out.flush()
            count += sum(map(len, part))
    seconds = round(time.monotonic() - began)
    print(json.dumps({"file": file.name, "lines": len(lines), "tokens": count, "seconds": seconds}), flush=True)


def judged(teacher: Decoder, lines: list[list[int]], tokens: int) -> list[np.ndarray]:
    """The predictions on each line. Lines of like lengths run as one batch, so that little of it is padding."""
    order = sorted(range(len(lines)), key=lambda index: len(lines[index]))
    batches = corpus.grouped([lines[index] for index in order], tokens)
    found = dict(zip(order, (predicted for batch in batches for predicted in judge(teacher, batch))))
    return [found[index] for index in range(len(lines))]


if __name__ == "__main__":
    keep_freed()
    args = options()
    products = torch.bfloat16 if args.bf16 else torch.float32
    decoder = Decoder(models.load(args.teacher, models.pick_device(), products).eval(), products)
    end = time.monotonic() + 60 * args.minutes
    for text in args.text:
        teach(decoder, text, args.tokens, end)
