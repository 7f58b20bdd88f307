"""
What a CPU's allocator does with freed tensors. glibc gives large ones back to the kernel, which has to fill the next ones with zeros
again: a fifth of the time of a training step (docs/log.md).
"""

import ctypes
import sys

# malloc.h
TRIM_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -4, -8


def keep_freed() -> None:
    """Keeps what is freed for what comes next. To be called before the first tensor; does nothing where the allocator is another."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(MMAP_MAX, 0)
        mallopt(TRIM_THRESHOLD, -1)
        # Other arenas have heaps of 64 MB, and map what is larger.
        mallopt(ARENA_MAX, 1)
