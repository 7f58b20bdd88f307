"""What comes in a block one after the other, of a line, (tokens, hidden) each."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from . import student as models
from .compiled import arguments, gated, later_keys, mixed


class Inside:
    """Of the blocks of a model of transformers."""

    def __init__(self, model: nn.Module, device: str):
        self.config, self.rotary, self.device = model.config, model.model.rotary_emb, device
        self.products = models.product_type(device)

    def autocast(self):
        return models.autocast(self.device)

    def places(self, length: int) -> list[torch.Tensor]:
        """What `block` takes of the positions of a line: RoPE's cosines and sines, and which keys come later."""
        x = torch.zeros(1, 1, 1, device=self.device)
        positions = torch.arange(length, device=self.device)[None]
        turns = [part[:, :, None].to(self.products) for part in self.rotary(x, positions)]
        return [*turns, later_keys(length, self.device)]

    def given(self, layer: nn.Module, x: torch.Tensor, block_of: Callable) -> torch.Tensor:
        """What a block gives of a batch (B, tokens, hidden). block_of: compiled.block, compiled or not."""
        with self.autocast():
            return block_of(x, *self.places(x.shape[1]), *arguments(layer, self.config)).float()

    def normed(self, norm: nn.Module, x: torch.Tensor) -> torch.Tensor:
        with self.autocast():
            return F.rms_norm(x, norm.weight.shape, norm.weight, self.config.rms_norm_eps)

    @torch.no_grad()
    def mixed(self, layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
        """What attention's out-projection multiplies."""
        _, weights, *others = arguments(layer, self.config)
        read = self.normed(layer.input_layernorm, x)
        with self.autocast():
            return mixed(read[None], *self.places(len(x)), weights[:3], *others)[0]

    @torch.no_grad()
    def behind(self, layer: nn.Module, x: torch.Tensor, mix: torch.Tensor) -> torch.Tensor:
        """The stream behind the attention."""
        with self.autocast():
            return (x + layer.self_attn.o_proj(mix)).float()

    def channels(self, layer: nn.Module, behind: torch.Tensor) -> torch.Tensor:
        """What the MLP's down projection multiplies."""
        read = self.normed(layer.post_attention_layernorm, behind)
        with self.autocast():
            return gated(read, layer.mlp.gate_proj.weight, layer.mlp.up_proj.weight).float()
