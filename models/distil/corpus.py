"""
Text that the target wrote, as `outrider corpus` stores it, a line {"prompt": ids, "answer": ids, "split", …} each, gzip or not; and
beside it what the teacher says at each of its places (teach.py).
"""

import gzip
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Iterator, Sized

import numpy as np
import torch

HELD_OUT = 20  # one prompt in so many, as src/corpus/line.ts has it

TOP = 32  # tokens that are kept of what the teacher says at a place
SAID = np.dtype([("token", "<u4", TOP), ("log", "<f2", TOP)])


@dataclass(frozen=True)
class Line:
    prompt: list[int]
    answer: list[int]
    temperature: float
    said: np.ndarray  # of each token but the last, what the teacher says comes next; empty where nobody asked

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True)
class Batch:
    ids: torch.Tensor  # (B, T), padded on the right
    judged: torch.Tensor  # (B, T) bool: positions whose next token is of an answer
    taught: torch.Tensor  # (B, T) bool: positions of which it is known what the teacher says
    tokens: torch.Tensor  # (N, TOP), at these the likeliest next tokens
    logs: torch.Tensor  # (N, TOP), and their log probabilities

    def to(self, device: str) -> "Batch":
        return Batch(*(part.to(device) for part in (self.ids, self.judged, self.taught, self.tokens, self.logs)))


def raw_lines(file: Path) -> Iterator[dict]:
    with gzip.open(file, "rt") if file.suffix == ".gz" else open(file) as text:
        yield from map(json.loads, text)


def taught_file(file: Path) -> Path:
    return file.with_name(f"{file.name}.taught")


def read(files: list[Path], split: str, longest: int) -> list[Line]:
    """Lines of one split, cut to `longest` tokens; prompts that leave no room for an answer are left out."""
    lines = []
    for file in files:
        taught = taught_file(file)
        said = np.memmap(taught, SAID, "r") if taught.exists() else np.empty(0, SAID)
        start = 0
        for raw in raw_lines(file):
            prompt, answer = raw["prompt"], raw["answer"]
            end = start + len(prompt) + len(answer) - 1
            if (raw.get("split") or split_of(prompt)) == split and len(prompt) < longest - 8:
                answer = answer[: longest - len(prompt)]
                part = said[start : start + len(prompt) + len(answer) - 1] if end <= len(said) else said[:0]
                lines.append(Line(prompt, answer, raw.get("temperature", 0.0), part))
            start = end
    return lines


def split_of(prompt: list[int]) -> str:
    """By a hash of the prompt: the rule of src/corpus/line.ts, for files older than it."""
    digest = hashlib.sha256(("split " + " ".join(map(str, prompt))).encode()).digest()
    return "held-out" if (int.from_bytes(digest[:4], "big") >> 1) % HELD_OUT == 0 else "train"


def loops(answer: list[int], length: int = 8, times: int = 4) -> bool:
    """Whether some 8-gram comes four times or more: what a small target does when it is greedy, and what flatters every figure."""
    grams = Counter(tuple(answer[i : i + length]) for i in range(len(answer) - length + 1))
    return any(count >= times for count in grams.values())


def grouped(items: Iterable[Sized], tokens: int) -> Iterator[list]:
    """Neighbours, so many that padded to the longest they have at most `tokens` places; one where one has more."""
    group: list = []
    longest = 0
    for item in items:
        longest = max(longest, len(item))
        if group and longest * (len(group) + 1) > tokens:
            yield group
            group, longest = [], len(item)
        group.append(item)
    if group:
        yield group


def epoch(lines: list[Line], tokens: int, seed: int) -> list[list[Line]]:
    """All lines once, in groups of at most `tokens` padded positions; lengths are sorted within a random tenth, so little is padding."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(lines), generator=generator).tolist()
    part = max(1, len(order) // 10)
    groups = []
    for start in range(0, len(order), part):
        groups.extend(grouped(sorted((lines[index] for index in order[start : start + part]), key=len), tokens))
    return [groups[index] for index in torch.randperm(len(groups), generator=generator).tolist()]


def padded(lines: list[Line]) -> Batch:
    longest = max(map(len, lines))
    ids = torch.zeros(len(lines), longest, dtype=torch.long)
    judged = torch.zeros(len(lines), longest, dtype=torch.bool)
    taught = torch.zeros(len(lines), longest, dtype=torch.bool)
    for row, line in enumerate(lines):
        ids[row, : len(line)] = torch.tensor(line.prompt + line.answer)
        judged[row, len(line.prompt) - 1 : len(line) - 1] = True
        taught[row, : len(line.said)] = True
    said = np.concatenate([line.said for line in lines])
    return Batch(ids, judged, taught, torch.from_numpy(said["token"].astype(np.int64)), torch.from_numpy(said["log"].astype(np.float32)))
