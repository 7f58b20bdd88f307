"""The models, the part of them that a draft with fewer tokens has, and adapters."""

from pathlib import Path

import torch
from torch import nn
from transformers import AutoModelForCausalLM


def pick_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def load(path: Path, device: str) -> nn.Module:
    """A Llama checkpoint in f32. On a CPU PyTorch's fused attention takes short lines longer than plain products do (docs/log.md)."""
    attention = "eager" if device == "cpu" else "sdpa"
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation=attention).to(device)


def logits(model: nn.Module, ids: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """(N, K): what a model says at the N places of (B, T) that `at` marks."""
    return (model.model(ids).last_hidden_state[at] @ head(model).T).float()


def head(model: nn.Module) -> torch.Tensor:
    """(K, hidden). A tied head is read where the embedding's rounding is."""
    return ends(model)[-1].weight


def ends(model: nn.Module) -> list[nn.Module]:
    """What has a row a token: the embedding, and the head if it is not the same."""
    return [model.model.embed_tokens] + ([] if model.config.tie_word_embeddings else [model.lm_head])


def trim(model: nn.Module, kept: torch.Tensor) -> list[torch.Tensor]:
    """Leaves the `kept` rows of embedding and head, so that a token is its place among the kept from here on. Gives what was there."""
    before = [module.weight.detach() for module in ends(model)]
    for module, weight in zip(ends(model), before):
        module.weight = nn.Parameter(weight[kept].clone())
    model.tie_weights()
    return before


def widen(model: nn.Module, kept: torch.Tensor, before: list[torch.Tensor]) -> None:
    """The opposite of `trim`: rows that were left out are what they were."""
    for module, weight in zip(ends(model), before):
        module.weight = nn.Parameter(weight.index_copy(0, kept, module.weight.detach()))
    model.tie_weights()


def lend_rows(model: nn.Module, target: nn.Module, lasts: list[int | None]) -> int:
    """
    Rows of a model that was exported from a trimmed pack: tokens that had none there are copies of the row of their last BPE piece
    (lasts: by id, vocabulary.last_pieces). They become what the target has for them, by the linear map that brings the target's rows of
    all others nearest to the model's (least squares, in f64). Gives how many there were.
    """
    pieces = torch.tensor([last if last is not None else -1 for last in lasts])
    for module, theirs in zip(ends(model), ends(target)):
        rows, wanted = module.weight.detach(), theirs.weight.detach().to(module.weight.device)
        missing = (pieces >= 0).to(rows.device) & (rows == rows[pieces]).all(1)
        into = torch.linalg.lstsq(wanted[~missing].double(), rows[~missing].double()).solution
        rows[missing] = (wanted[missing].double() @ into).to(rows.dtype)
    return int(missing.sum())


class Lora(nn.Module):
    """W x + (α / r) · B A dropout(x) (Hu et al. 2021, arXiv 2106.09685)."""

    def __init__(self, linear: nn.Linear, rank: int, alpha: float, dropout: float):
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self.down = nn.Linear(linear.in_features, rank, bias=False)
        self.up = nn.Linear(rank, linear.out_features, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.scale = alpha / rank
        nn.init.zeros_(self.up.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) + self.scale * self.up(self.down(self.dropout(x)))


def add_lora(model: nn.Module, rank: int = 8, alpha: float = 16, dropout: float = 0.05) -> None:
    """On the seven projections, nothing else learns: the recovery of LLM-Pruner and of Shortened LLaMA, with their settings."""
    model.requires_grad_(False)
    for block in model.model.layers:
        for part in (block.self_attn, block.mlp):
            for name, linear in list(part.named_children()):
                if isinstance(linear, nn.Linear):
                    setattr(part, name, Lora(linear, rank, alpha, dropout).to(linear.weight.device))


def merge_lora(model: nn.Module) -> None:
    for part in [part for block in model.model.layers for part in (block.self_attn, block.mlp)]:
        for name, lora in list(part.named_children()):
            if isinstance(lora, Lora):
                with torch.no_grad():
                    lora.linear.weight += lora.scale * lora.up.weight @ lora.down.weight
                setattr(part, name, lora.linear)
