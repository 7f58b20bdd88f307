"""
Writes a teacher's predictions at every position of a text, once for all students and epochs:

    python models/distil/teach.py --teacher DIR --text FILE.jsonl …

They go to FILE.taught beside each FILE: for each line and each of its tokens but the last, the TOP likeliest next
tokens with their log probabilities. Stop it with Ctrl-C; the same command goes on where it stopped, also when FILE
has grown.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

import corpus
import student as models
from memory import keep_freed


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--text", type=Path, nargs="+", required=True)
    parser.add_argument("--tokens", type=int, default=4096, help="padded positions of a batch")
    return parser.parse_args()


def likeliest(logits: torch.Tensor) -> np.ndarray:
    """Logits (N, V) to N records of corpus.PREDICTION."""
    top = logits.float().topk(corpus.TOP)
    predicted = np.empty(len(logits), corpus.PREDICTION)
    predicted["token"] = top.indices.cpu().numpy()
    predicted["log"] = (top.values - logits.float().logsumexp(-1, keepdim=True)).cpu().numpy()
    return predicted


def teach(teacher, file: Path, tokens: int) -> None:
    """
    Appends the predictions that `file` lacks, and first removes an incomplete record that an interruption left. tokens:
    padded positions of a batch.
    """
    taught = corpus.taught_file(file)
    lines = [raw["prompt"] + raw["answer"] for raw in corpus.raw_lines(file)]
    positions = np.cumsum([len(line) - 1 for line in lines])
    have = taught.stat().st_size // corpus.PREDICTION.itemsize if taught.exists() else 0
    done = int(np.searchsorted(positions, have, side="right"))
    device = next(teacher.parameters()).device
    began, count = time.monotonic(), 0
    with open(taught, "ab") as out:
        out.truncate(int(positions[done - 1]) * corpus.PREDICTION.itemsize if done else 0)
        for part in corpus.grouped(lines[done:], tokens):
            ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(line) for line in part], batch_first=True)
            with torch.no_grad():
                states = teacher.model(ids.to(device)).last_hidden_state
                for line, row in zip(part, states):
                    out.write(likeliest(teacher.lm_head(row[: len(line) - 1])).tobytes())
                    count += len(line)
            out.flush()
    print(
        json.dumps(
            {"file": file.name, "lines": len(lines), "tokens": count, "seconds": round(time.monotonic() - began)}
        ),
        flush=True,
    )


if __name__ == "__main__":
    keep_freed()
    args = options()
    model = models.load(args.teacher, models.pick_device()).eval()
    for text in args.text:
        teach(model, text, args.tokens)
