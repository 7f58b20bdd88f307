"""
Teaches a pruned checkpoint to predict what its target predicts.

    python -m outrider_distil.distil --student DIR --text FILE.jsonl … --out DIR

--student is a Hugging Face checkpoint, which `outrider squeeze --export-hf` writes. --text are corpora of `outrider
corpus` with the target's predictions beside them, which teach.py writes; with --teacher they need none. Every
--score-every steps the held-out split is scored, and a line of JSON is added to OUT/curve.jsonl. Stop it with Ctrl-C;
the same command goes on from the last checkpoint. It runs on CUDA or MPS where there is one, else on the CPU.
"""

import argparse
import math
from pathlib import Path

from . import argument, quantise
from .course import CHECKPOINT, Course
from .memory import keep_freed


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--student", type=argument.checkpoint, required=True)
    parser.add_argument("--text", type=argument.file, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--teacher",
        type=argument.checkpoint,
        metavar="DIR",
        help="a checkpoint that predicts each batch as it is learned, in place of the predictions beside the text: "
        "rounded weights learn what the same weights say in floats, on text that need not be judged",
    )
    parser.add_argument("--head", type=int, default=0, help="size of the draft's vocabulary; 0: all tokens")
    parser.add_argument(
        "--rows-from",
        type=argument.checkpoint,
        metavar="TARGET",
        help="the rows that a trimmed draft lacks begin as its target's",
    )
    parser.add_argument("--tokens", type=argument.count, default=4096, help="padded positions of a batch")
    parser.add_argument(
        "--longest", type=argument.count, default=768, help="tokens of a line; the rest of it is cut off"
    )
    parser.add_argument("--epochs", type=argument.positive, default=1)
    parser.add_argument(
        "--minutes",
        type=argument.not_negative,
        default=math.inf,
        help="training time, if that ends before the epochs do",
    )
    parser.add_argument("--rate", type=argument.positive, default=1e-3, help="highest learning rate")
    parser.add_argument("--warmup", type=argument.count, default=50, help="steps")
    parser.add_argument(
        "--acceptance", type=argument.share, default=0, help="share of the loss that is on acceptance, from 0 to 1"
    )
    parser.add_argument(
        "--teacher-temperature",
        type=argument.positive,
        default=1,
        help="under 1 the teacher's first choices count for more, as they do for greedy drafts",
    )
    parser.add_argument(
        "--prompts",
        type=argument.not_negative,
        default=1,
        help="weight of a position in a prompt; one in an answer has weight 1",
    )
    parser.add_argument(
        "--learn",
        choices=("teacher", "text"),
        default="teacher",
        help="from the teacher's distribution, or from the next token of the text, as the papers' second stages do",
    )
    parser.add_argument(
        "--lora",
        action="store_true",
        help="train only adapters of rank 8, as LLM-Pruner and Shortened LLaMA do (with --learn text --rate 1e-4); "
        "--learn text without it is Shortened LLaMA's continued pretraining",
    )
    parser.add_argument(
        "--quantise",
        choices=quantise.BLOCK_FORMATS,
        help="round the projections of the blocks to this format in the forward pass; A+B: B for the down projections, "
        "and for those of the values in q3had",
    )
    parser.add_argument(
        "--quantise-vocabulary",
        choices=quantise.FORMATS,
        default="lut4",
        help="the format of embedding and head, where --quantise is given",
    )
    parser.add_argument(
        "--fix-weights",
        action="store_true",
        help="with --quantise: weights of blocks stay; the values that they are rounded to learn, norms, biases and "
        "vocabulary",
    )
    parser.add_argument(
        "--mean-of",
        type=argument.holding(CHECKPOINT),
        nargs="+",
        metavar="OUT",
        help="do not train: write the mean of runs that began from the same --student",
    )
    parser.add_argument("--no-loops", action="store_true", help="leave out answers that repeat themselves")
    parser.add_argument(
        "--small-checkpoints",
        action="store_true",
        help="keep weights in bf16 and no optimizer: a sixth of the bytes; a run that goes on warms up again",
    )
    parser.add_argument(
        "--compile",
        action="store_true",
        help="run the blocks as compiled code, which needs a C++ compiler: twice the positions a second on a CPU, "
        "after a minute or so for each length of a batch",
    )
    parser.add_argument("--score-every", type=argument.count, default=100, help="steps")
    parser.add_argument("--score-lines", type=argument.count, default=200, help="of all kinds together")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    keep_freed()
    course = Course(options())
    course.average() if course.args.mean_of else course.run()
