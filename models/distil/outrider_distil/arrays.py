"""Tensors as the arrays that compiled loops take."""

import numpy as np
import torch


def array(part: torch.Tensor) -> np.ndarray:
    """In f32, on the processor, row by row."""
    return part.float().cpu().contiguous().numpy()
