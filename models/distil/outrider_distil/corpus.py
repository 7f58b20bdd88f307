"""
Text that the target wrote, as `outrider corpus` stores it: one line {"prompt": ids, "answer": ids, "split", …} per
answer, gzipped or not. Beside the text lies what the teacher predicts at each of its positions (teach.py).
"""

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

HELD_OUT = 20  # one prompt in so many, as src/tools/corpus/line.ts has it

WRITTEN = "written"  # the kind of a line that names none: an answer that the target wrote
REAL = ("code", "fill")  # kinds of text that the target did not write: what comes next is not what it would say

TOP = 32  # tokens that are kept of each of the teacher's predictions
PREDICTION = np.dtype([("token", "<u4", TOP), ("log", "<f2", TOP)])


@dataclass(frozen=True)
class Line:
    prompt: list[int]
    answer: list[int]
    temperature: float
    predicted: np.ndarray  # the teacher's prediction after each token but the last; empty where teach.py has not run
    kind: str = WRITTEN

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True)
class Batch:
    ids: torch.Tensor  # (B, T), padded on the right
    answered: torch.Tensor  # (B, T) bool: positions whose next token is of an answer
    taught: torch.Tensor  # (B, T) bool: positions whose prediction by the teacher is known
    tokens: torch.Tensor  # (N, TOP): the likeliest next tokens at the taught positions
    logs: torch.Tensor  # (N, TOP): their log probabilities

    def to(self, device: str) -> "Batch":
        return Batch(*(part.to(device) for part in (self.ids, self.answered, self.taught, self.tokens, self.logs)))


def raw_lines(file: Path, needs: tuple[str, ...] = ("prompt", "answer")) -> Iterator[dict]:
    with gzip.open(file, "rt") if file.suffix == ".gz" else open(file) as text:
        for number, line in enumerate(text, 1):
            try:
                raw = json.loads(line)
            except json.JSONDecodeError:
                raw = None
            if not isinstance(raw, dict) or any(name not in raw for name in needs):
                parts = " and ".join(f'"{name}"' for name in needs)
                raise SystemExit(f"{file}, line {number}: it must be a JSON object{parts and f' with {parts}'}")
            yield raw


def taught_file(file: Path) -> Path:
    return file.with_name(f"{file.name}.taught")


def read(files: list[Path], split: str, longest: int) -> list[Line]:
    """
    Lines of one split, cut to `longest` tokens; prompts that leave no room for an answer are left out. Code that nobody
    asked for has an empty prompt.
    """
    lines = []
    for file in files:
        taught = taught_file(file)
        predicted = np.memmap(taught, PREDICTION, "r") if taught.exists() else np.empty(0, PREDICTION)
        start = 0
        for raw in raw_lines(file):
            prompt, answer = raw["prompt"], raw["answer"]
            end = start + len(prompt) + len(answer) - 1
            if (raw.get("split") or split_of(prompt or answer[:64])) == split and len(prompt) < longest - 8:
                answer = answer[: longest - len(prompt)]
                part = (
                    predicted[start : start + len(prompt) + len(answer) - 1] if end <= len(predicted) else predicted[:0]
                )
                kind = raw.get("kind") or WRITTEN
                lines.append(Line(prompt, answer, raw.get("temperature", 0.0), part, kind))
            start = end
    return lines


def split_of(prompt: list[int]) -> str:
    """By a hash of the prompt: the rule of src/tools/corpus/line.ts, for files older than it."""
    digest = hashlib.sha256(("split " + " ".join(map(str, prompt))).encode()).digest()
    return "held-out" if (int.from_bytes(digest[:4], "big") >> 1) % HELD_OUT == 0 else "train"


def loops(answer: list[int], length: int = 8, times: int = 4) -> bool:
    """
    Whether some 8-gram comes four times or more. Small targets repeat themselves when they decode greedily, and any
    draft can follow a repetition, which flatters every figure.
    """
    grams = Counter(tuple(answer[i : i + length]) for i in range(len(answer) - length + 1))
    return any(count >= times for count in grams.values())


def rounded(length: int, unit: int) -> int:
    """The least multiple of `unit` that is not below `length`."""
    return -(-length // unit) * unit


def grouped(items: Iterable[Sized], tokens: int, unit: int = 1) -> Iterator[list]:
    """
    Neighbours in groups that have at most `tokens` positions when padded to their longest, rounded up to a multiple of
    `unit`. An item that is longer than `tokens` is a group of its own.
    """
    group: list = []
    longest = 0
    for item in items:
        longest = max(longest, rounded(len(item), unit))
        if group and longest * (len(group) + 1) > tokens:
            yield group
            group, longest = [], rounded(len(item), unit)
        group.append(item)
    if group:
        yield group


def epoch(lines: list[Line], tokens: int, seed: int, unit: int = 1) -> list[list[Line]]:
    """
    All lines once, in groups of at most `tokens` padded positions (`grouped`). Lines are sorted by length within each
    random tenth of them, so that little of a group is padding.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(lines), generator=generator).tolist()
    part = max(1, len(order) // 10)
    groups = []
    for start in range(0, len(order), part):
        groups.extend(grouped(sorted((lines[index] for index in order[start : start + part]), key=len), tokens, unit))
    return [groups[index] for index in torch.randperm(len(groups), generator=generator).tolist()]


def padded(lines: list[Line], unit: int = 1, least: int = 0) -> Batch:
    """
    Lines as one batch, whose length is a multiple of `unit`. It has empty rows at its end where those of the lines have
    fewer than `least` positions and another fits into that.
    """
    longest = rounded(max(map(len, lines)), unit)
    shape = max(len(lines), least // longest), longest
    ids = torch.zeros(shape, dtype=torch.long)
    answered = torch.zeros(shape, dtype=torch.bool)
    taught = torch.zeros(shape, dtype=torch.bool)
    for row, line in enumerate(lines):
        ids[row, : len(line)] = torch.tensor(line.prompt + line.answer)
        answered[row, max(0, len(line.prompt) - 1) : len(line) - 1] = True
        taught[row, : len(line.predicted)] = True
    predicted = np.concatenate([line.predicted for line in lines])
    return Batch(
        ids,
        answered,
        taught,
        torch.from_numpy(predicted["token"].astype(np.int64)),
        torch.from_numpy(predicted["log"].astype(np.float32)),
    )
