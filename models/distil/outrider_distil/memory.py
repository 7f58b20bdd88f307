"""
Keeps the memory of freed tensors in the process. By default glibc returns large blocks to the kernel, which must fill
the next ones with zeros: a fifth of the time of a training step on a CPU (docs/record/log.md).
"""

import ctypes
import sys

# malloc.h
TRIM_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -4, -8


def keep_freed() -> None:
    """Call it before the first tensor is made. It does nothing where the allocator is not glibc's."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(MMAP_MAX, 0)
        mallopt(TRIM_THRESHOLD, -1)
        # Further arenas have heaps of 64 MB only, and map larger blocks.
        mallopt(ARENA_MAX, 1)
