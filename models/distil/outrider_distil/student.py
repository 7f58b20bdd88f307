"""Loading models, trimming their vocabulary to the draft's, and adapters."""

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize
from transformers import AutoModelForCausalLM


def pick_device(exact: bool = False) -> str:
    """exact: one that has f64, which MPS has not."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() and not exact else "cpu"


def has_bf16(device: str) -> bool:
    """Whether products in bf16 are native. A CPU without them emulates them, eight times slower than f32."""
    return device == "cuda" or (device == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def product_type(device: str) -> torch.dtype:
    """What products are in."""
    return torch.bfloat16 if has_bf16(device) else torch.float32


def autocast(device: str) -> torch.autocast:
    """Products in bf16 where they are native."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=has_bf16(device))


def load(path: Path, device: str, dtype: torch.dtype = torch.float32) -> nn.Module:
    """
    A checkpoint of a decoder that transformers knows. On a CPU attention is computed by plain products, which are
    faster on short lines than PyTorch's fused attention (docs/record/log.md).
    """
    attention = "eager" if device == "cpu" else "sdpa"
    return AutoModelForCausalLM.from_pretrained(path, dtype=dtype, attn_implementation=attention).to(device)


def states(model: nn.Module, ids: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """The input of the head, (N, hidden), at the N positions of (B, T) that `at` marks."""
    return model.model(ids).last_hidden_state[at]


def logits(model: nn.Module, ids: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Logits (N, K) at those positions."""
    return (states(model, ids, at) @ head(model).T).float()


def head(model: nn.Module) -> torch.Tensor:
    """(K, hidden). A tied head is read from the embedding, because only that is rounded."""
    return ends(model)[-1].weight


def ends(model: nn.Module) -> list[nn.Module]:
    """The modules with one row per token: the embedding, and the head unless it is tied."""
    return [model.model.embed_tokens] + ([] if model.config.tie_word_embeddings else [model.lm_head])


def trim(model: nn.Module, kept: torch.Tensor) -> list[torch.Tensor]:
    """
    Keeps only the `kept` rows of embedding and head; from here on an id is an index into `kept`. Returns the full
    matrices.
    """
    model.model.embed_tokens.padding_idx = None  # an id of the full vocabulary
    before = [module.weight.detach() for module in ends(model)]
    for module, weight in zip(ends(model), before):
        module.weight = nn.Parameter(weight[kept].clone())
    model.tie_weights()
    return before


def widen(model: nn.Module, kept: torch.Tensor, before: list[torch.Tensor]) -> None:
    """Undoes `trim`: rows that were left out come back as they were."""
    for module, weight in zip(ends(model), before):
        module.weight = nn.Parameter(weight.index_copy(0, kept, module.weight.detach()))
    model.tie_weights()


def copy_missing_rows(model: nn.Module, target: nn.Module, lasts: list[int | None]) -> int:
    """
    Fills rows of a model that was exported from a trimmed pack. There, a token without a row has a copy of the row of
    its last BPE piece. Such a row becomes the target's row under a linear map: the one that brings the target's other
    rows nearest to the model's (least squares, in f64). lasts: by id, from vocabulary.last_pieces. Returns how many
    rows it filled.
    """
    pieces = torch.tensor([last if last is not None else -1 for last in lasts])
    for module, theirs in zip(ends(model), ends(target)):
        # On the processor, because MPS has no f64.
        rows, wanted = module.weight.detach().cpu(), theirs.weight.detach().cpu()
        missing = (pieces >= 0) & (rows == rows[pieces]).all(1)
        into = torch.linalg.lstsq(wanted[~missing].double(), rows[~missing].double()).solution
        rows[missing] = (wanted[missing].double() @ into).to(rows.dtype)
        module.weight.data.copy_(rows)
    return int(missing.sum())


class Lora(nn.Module):
    """
    W + (α / r) · B A (Hu et al. 2021, arXiv 2106.09685) in place of W: what rounds weights, and compiled blocks, take
    it as any other weight. So dropout is of the inputs of A for a whole batch, not for each position.
    """

    def __init__(self, weight: torch.Tensor, rank: int, alpha: float, dropout: float):
        super().__init__()
        rows, cols = weight.shape
        self.down = nn.Parameter(torch.empty(rank, cols, device=weight.device))
        self.up = nn.Parameter(torch.zeros(rows, rank, device=weight.device))
        self.scale, self.dropout = alpha / rank, dropout
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        kept = F.dropout(self.down.new_ones(self.down.shape[1]), self.dropout, self.training)
        with torch.autocast(weight.device.type, enabled=False):
            return weight + self.scale * self.up @ (self.down * kept)


def add_lora(model: nn.Module, rank: int = 8, alpha: float = 16, dropout: float = 0.05) -> None:
    """
    Adapters on the seven projections; nothing else learns. These are the recovery stages of LLM-Pruner and Shortened
    LLaMA, with their settings. `quantise.settle` makes plain weights of them.
    """
    model.requires_grad_(False)
    for block in model.model.layers:
        for linear in [module for module in block.modules() if isinstance(module, nn.Linear)]:
            parametrize.register_parametrization(linear, "weight", Lora(linear.weight, rank, alpha, dropout))
