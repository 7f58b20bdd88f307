"""Runs work that leaves Python to its threads, as PyTorch and compiled loops do, on all cores at once."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")


def beside(work: Callable[[T], None], parts: Iterable[T]) -> None:
    """Does `work` for each of the parts, without gradients."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        # PyTorch's switch is each thread's own. The list makes an error of a part one here.
        list(pool.map(torch.no_grad()(work), parts))
