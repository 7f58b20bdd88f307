"""The two models, and the part of them that a draft's trimmed head can say."""

from pathlib import Path

import torch
from torch import nn
from transformers import AutoModelForCausalLM

from corpus import Batch, Line


def load(path: Path, device: str) -> nn.Module:
    """A Llama checkpoint in f32, attention by PyTorch's fused kernel."""
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="sdpa").to(device)


def most_used(lines: list[Line], vocabulary: int, keep: int) -> torch.Tensor:
    """Ids, rising, of the `keep` tokens that the target writes most often: what squeeze's trim-vocabulary keeps by frequency."""
    counts = torch.zeros(vocabulary, dtype=torch.long)
    for line in lines:
        counts += torch.bincount(torch.tensor(line.answer), minlength=vocabulary)
    return torch.sort(counts, descending=True, stable=True).indices[:keep].sort().values


def judged_logits(model: nn.Module, batch: Batch, kept: torch.Tensor) -> torch.Tensor:
    """(N, K): logits of the kept tokens at the positions that a batch judges."""
    hidden = model.model(batch.ids).last_hidden_state[batch.judged]
    return (hidden @ head(model)[kept].T).float()


def head(model: nn.Module) -> torch.Tensor:
    """(V, hidden). A tied head is read where the embedding's rounding is."""
    return (model.model.embed_tokens if model.config.tie_word_embeddings else model.lm_head).weight


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
