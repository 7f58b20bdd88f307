"""
What this machine can, as a line of JSON: the device, its threads, whether it multiplies bf16 natively, whether a CPU's
teaching can be compiled (compiled.py), and multiply-adds a second in the type that teaching uses.

    python -m outrider_distil.machine
"""

import json
import platform
import time

import torch

from .compiled import compiles
from .memory import keep_freed
from .student import has_bf16, pick_device

SECONDS = 1.5
ROWS, IN, OUT = 1024, 1024, 2048  # of a product: a batch of positions, and the matrices of a small model


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()


def rate(device: str, dtype: torch.dtype) -> float:
    """Multiply-adds a second of products of (ROWS, IN) and (IN, OUT)."""
    left = torch.randn(ROWS, IN, device=device, dtype=dtype)
    right = torch.randn(IN, OUT, device=device, dtype=dtype)
    for _ in range(2):
        left @ right
    wait(device)
    began, count = time.monotonic(), 0
    while time.monotonic() - began < SECONDS:
        left @ right
        wait(device)
        count += 1
    return count * ROWS * IN * OUT / (time.monotonic() - began)


def name(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    cores = f"{threads} thread{'' if threads == 1 else 's'}"
    return f"{platform.processor() or platform.machine()}, {cores}"


if __name__ == "__main__":
    keep_freed()
    device = pick_device()
    bf16 = has_bf16(device)
    print(
        json.dumps(
            {
                "device": device,
                "name": name(device),
                "threads": torch.get_num_threads(),
                "bf16": bf16,
                "compiles": device == "cpu" and compiles(),
                "rate": rate(device, torch.bfloat16 if bf16 else torch.float32),
            }
        )
    )
