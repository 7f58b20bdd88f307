"""
A block that was cut or rounded learns to give what the whole model gives: block-wise training of EfficientQAT (Chen et
al. 2024, arXiv 2407.11062, §3.2).
"""

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils import parametrize

from . import quantise
from .compiled import block
from .groups import Group, padded
from .inside import Inside
from .least_squares import by_size

WARMUP = 10  # steps


@dataclass(frozen=True)
class BlockLearning:
    """
    Streams are of each line (tokens, hidden): `read`, what enters the block, and `wanted`, what it is to give.
    """

    inside: Inside
    groups: list[Group]  # of the lines
    readings: float
    rate: float  # the highest
    formats: str | None  # a name in quantise.BLOCK_FORMATS, or floats
    seed: int
    run: Callable = block  # a block that learns, compiled or not

    def teach(
        self, layer: nn.Module, read: list[torch.Tensor], wanted: list[torch.Tensor], at: int, seconds: float
    ) -> list[float]:
        """
        All weights of the block learn to give the wanted stream, for as many readings, or as many seconds from now on,
        whichever end first. at: which block it is. Returns the mean error of each reading.
        """
        began = time.monotonic()
        size = len(self.groups)
        steps = math.ceil(self.readings * size)
        if steps == 0:
            return []
        if self.formats:
            quantise.quantise_block(layer, self.formats)
            if self.run is not block:
                quantise.compile_rounding(layer)
        learning = list(layer.parameters())
        optimizer = torch.optim.AdamW(learning, lr=self.rate, betas=(0.9, 0.95), weight_decay=0, fused=True)
        order = random.Random(self.seed + at)
        errors: list[float] = []
        for step in range(steps):
            spent = (time.monotonic() - began) / max(seconds, 1e-9)
            if step > 0 and spent >= 1:
                break
            progress = min(1.0, max(step / steps, spent if step > 0 else 0))
            if step % size == 0:
                groups = order.sample(self.groups, size)
            for part in optimizer.param_groups:
                warm = min(1.0, (step + 1) / WARMUP)
                part["lr"] = self.rate * warm * (0.5 + 0.5 * math.cos(math.pi * progress))
            with parametrize.cached():
                error = self.error(layer, groups[step % size], read, wanted)
            optimizer.zero_grad(set_to_none=True)
            error.backward()
            nn.utils.clip_grad_norm_(learning, 1.0)
            optimizer.step()
            errors.append(error.item())
        quantise.settle_modules(layer)
        return [round(sum(part) / len(part), 4) for part in (errors[n : n + size] for n in range(0, len(errors), size))]

    def error(
        self, layer: nn.Module, group: Group, read: list[torch.Tensor], wanted: list[torch.Tensor]
    ) -> torch.Tensor:
        """The mean of what the block lacks of the wanted stream, as a share of the stream's square."""
        device = self.inside.device
        x = padded([read[index] for index in group.lines], group)
        stream = padded([wanted[index].to(device).float() for index in group.lines], group)
        real = torch.zeros(x.shape[:2], device=device)
        for row, index in enumerate(group.lines):
            real[row, 1 : len(read[index])] = 1
        square = ((self.inside.given(layer, x, self.run) - stream) * by_size(stream)).square().mean(-1)
        return (square * real).sum() / real.sum()

    @torch.no_grad()
    def advance(
        self, layer: nn.Module, read: list[torch.Tensor], wanted: list[torch.Tensor]
    ) -> tuple[list[torch.Tensor], float]:
        """What the block gives on every line, and its mean error."""
        given: list[torch.Tensor] = [torch.empty(0)] * len(read)
        error, count = 0.0, 0
        for group in self.groups:
            out = self.inside.given(layer, padded([read[index] for index in group.lines], group), block)
            for row, index in enumerate(group.lines):
                own = given[index] = out[row, : len(read[index])].clone()
                stream = wanted[index].to(self.inside.device).float()
                error += ((own - stream) * by_size(stream)).square().mean(-1)[1:].sum().item()
                count += len(own) - 1
        return given, error / count
