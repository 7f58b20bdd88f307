"""What the whole model gives on the lines of a cut, kept in files beside it while the cut is under way."""

import random
from pathlib import Path

import torch
from torch import nn

from .compiled import block
from .groups import Group
from .inside import Inside
from .metric import metrics

STREAMS = "streams.pt"
METRICS = "metrics.pt"


class Whole:
    def __init__(self, model: nn.Module, inside: Inside, lines: list[list[int]], groups: list[Group], folder: Path):
        """lines: token ids, as `groups` names them."""
        self.model, self.inside, self.lines, self.groups, self.folder = model, inside, lines, groups, folder

    @torch.no_grad()
    def streams(self) -> list[torch.Tensor]:
        """For each line (blocks + 1, tokens, hidden) in bf16: what enters each block, and what leaves the last."""
        file = self.folder / STREAMS
        if not file.exists():
            whole: list[torch.Tensor] = [torch.empty(0)] * len(self.lines)
            for group in self.groups:
                x = self.model.model.embed_tokens(self.ids(group)[0])
                stream = [x.bfloat16()]
                for layer in self.model.model.layers:
                    x = self.inside.given(layer, x, block)
                    stream.append(x.bfloat16())
                for row, index in enumerate(group.lines):
                    whole[index] = torch.stack([part[row, : len(self.lines[index])] for part in stream]).cpu()
            torch.save(whole, file)
        # Read from the file as they are needed: a large model's would not fit beside its weights.
        return torch.load(file, mmap=True, weights_only=True)

    def metrics(self, seed: int) -> dict[tuple[int, str], torch.Tensor]:
        """As metric.py has them, of every block."""
        file = self.folder / METRICS
        if not file.exists():
            mixed = random.Random(seed).sample(self.groups, len(self.groups))
            torch.save(metrics(self.model, map(self.ids, mixed), self.inside), file)
        return torch.load(file, mmap=True, weights_only=True)

    def ids(self, group: Group) -> tuple[torch.Tensor, torch.Tensor]:
        """Those of its lines as one batch (B, T), and which of them are of lines (B, T)."""
        ids = torch.zeros(group.rows, group.columns, dtype=torch.long, device=self.inside.device)
        real = torch.zeros_like(ids, dtype=torch.bool)
        for row, index in enumerate(group.lines):
            line = self.lines[index]
            ids[row, : len(line)], real[row, : len(line)] = torch.tensor(line), True
        return ids, real

    def tidy(self) -> None:
        """Removes the files."""
        for name in (STREAMS, METRICS):
            (self.folder / name).unlink(missing_ok=True)
