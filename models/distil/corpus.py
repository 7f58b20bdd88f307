"""Text that the target wrote, as `outrider corpus` stores it: a line {"prompt": ids, "answer": ids, "split", …} each, gzip or not."""

import gzip
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import torch

HELD_OUT = 20  # one prompt in so many, as src/corpus/line.ts has it


@dataclass(frozen=True)
class Line:
    prompt: list[int]
    answer: list[int]
    temperature: float


@dataclass(frozen=True)
class Batch:
    ids: torch.Tensor  # (B, T), padded on the right
    judged: torch.Tensor  # (B, T) bool: positions whose next token is of an answer


def read(files: list[Path], split: str, longest: int) -> list[Line]:
    """Lines of one split, cut to `longest` tokens; prompts that leave no room for an answer are left out."""
    lines = []
    for file in files:
        with gzip.open(file, "rt") if file.suffix == ".gz" else open(file) as text:
            for raw in map(json.loads, text):
                prompt, answer = raw["prompt"], raw["answer"]
                if raw.get("split", split_of(prompt)) == split and len(prompt) < longest - 8:
                    lines.append(Line(prompt, answer[: longest - len(prompt)], raw.get("temperature", 0.0)))
    return lines


def split_of(prompt: list[int]) -> str:
    """By a hash of the prompt: the rule of src/corpus/line.ts, for files older than it."""
    digest = hashlib.sha256(("split " + " ".join(map(str, prompt))).encode()).digest()
    return "held-out" if (int.from_bytes(digest[:4], "big") >> 1) % HELD_OUT == 0 else "train"


def loops(answer: list[int], length: int = 8, times: int = 4) -> bool:
    """Whether some 8-gram comes four times or more: what a small target does when it is greedy, and what flatters every figure."""
    grams = Counter(tuple(answer[i : i + length]) for i in range(len(answer) - length + 1))
    return any(count >= times for count in grams.values())


def batches(lines: list[Line], tokens: int, seed: int) -> Iterator[Batch]:
    """All lines once, in batches of at most `tokens` padded positions; lengths are sorted within a random tenth, so little is padding."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(lines), generator=generator).tolist()
    part = max(1, len(order) // 10)
    groups = []
    for start in range(0, len(order), part):
        group: list[Line] = []
        for index in sorted(order[start : start + part], key=lambda i: len(lines[i].prompt) + len(lines[i].answer)):
            longest = len(lines[index].prompt) + len(lines[index].answer)
            if group and longest * (len(group) + 1) > tokens:
                groups.append(group)
                group = []
            group.append(lines[index])
        groups.append(group)
    for index in torch.randperm(len(groups), generator=generator).tolist():
        yield padded(groups[index])


def padded(lines: list[Line]) -> Batch:
    longest = max(len(line.prompt) + len(line.answer) for line in lines)
    ids = torch.zeros(len(lines), longest, dtype=torch.long)
    judged = torch.zeros(len(lines), longest, dtype=torch.bool)
    for row, line in enumerate(lines):
        length = len(line.prompt) + len(line.answer)
        ids[row, :length] = torch.tensor(line.prompt + line.answer)
        judged[row, len(line.prompt) - 1 : length - 1] = True
    return Batch(ids, judged)
