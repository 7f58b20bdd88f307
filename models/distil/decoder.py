"""
A Llama that writes many texts at once. Keys and values are written in place into one tensor and never moved, which
doubles the tokens per second on a CPU.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from transformers import LlamaForCausalLM

from teach import likeliest

READ = 2048  # positions of prompts that are read at a time, padding included


class Decoder:
    """products: the type that weights and their inputs are rounded to for a product; everything else is f32."""

    def __init__(self, model: LlamaForCausalLM, products: torch.dtype = torch.float32):
        config = model.config
        self.heads = config.num_attention_heads
        self.kv_heads = config.num_key_value_heads
        self.eps = config.rms_norm_eps
        self.rotary = model.model.rotary_emb
        self.embedding, self.norm = model.model.embed_tokens.weight, model.model.norm.weight
        self.head = model.lm_head.weight.T.contiguous().to(products)
        self.blocks = [block_of(layer, products) for layer in model.model.layers]
        self.size = self.blocks[0]["out"].shape[0] // self.heads

    def room(self, rows: int, tokens: int) -> torch.Tensor:
        """Zeros for the keys and values of `tokens` tokens in each row: (blocks, 2, rows, kv heads, tokens, size)."""
        return torch.zeros(len(self.blocks), 2, rows, self.kv_heads, tokens, self.size, device=self.head.device)

    @torch.no_grad()
    def forward(self, ids: torch.Tensor, seen: torch.Tensor, room: torch.Tensor) -> torch.Tensor:
        """
        Runs tokens that follow those whose keys and values are in `room`, and writes theirs to columns S − T to S.

        ids: (B, T). seen: (B, S), true where a column is a token and false where it is padding on the left; the last T
        columns are those of `ids`. Returns (B, T, hidden), the input of the head.
        """
        (rows, new), total = ids.shape, seen.shape[1]
        positions = (seen.cumsum(1) - 1).clamp_min(0)[:, -new:]
        x = F.embedding(ids, self.embedding)
        cos, sin = (part[:, :, None] for part in self.rotary(x, positions))
        past = torch.ones(new, total, dtype=torch.bool, device=ids.device).tril(total - new)
        # A finite bias: rows of padding alone must not divide by nothing.
        bias = torch.zeros(rows, new, total, device=ids.device).masked_fill_(~(seen[:, None] & past), -1e9)
        # Queries that share a key/value head lie side by side, so that its keys and values are read once.
        group = self.heads // self.kv_heads
        bias = bias.repeat(1, group, 1)[:, None]
        for block, (keys, values) in zip(self.blocks, room):
            widths = [self.heads * self.size, self.kv_heads * self.size, self.kv_heads * self.size]
            q, k, v = (
                part.unflatten(-1, (-1, self.size))
                for part in times(self.rms(x, block["norm"]), block["qkv"]).split(widths, -1)
            )
            q, k = (
                part * cos + torch.cat([-part[..., self.size // 2 :], part[..., : self.size // 2]], -1) * sin
                for part in (q, k)
            )
            keys[:, :, total - new : total] = k.transpose(1, 2)
            values[:, :, total - new : total] = v.transpose(1, 2)
            q = q.unflatten(2, (self.kv_heads, group)).permute(0, 2, 3, 1, 4).flatten(2, 3)
            seen_by = (
                torch.softmax(q @ keys[:, :, :total].transpose(2, 3) / self.size**0.5 + bias, -1) @ values[:, :, :total]
            )
            x = x + times(seen_by.unflatten(2, (group, new)).permute(0, 3, 1, 2, 4).flatten(2), block["out"])
            gate, up = times(self.rms(x, block["mlp_norm"]), block["gate_up"]).chunk(2, -1)
            x = x + times(F.silu(gate) * up, block["down"])
        return self.rms(x, self.norm)

    def rms(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return F.rms_norm(x, weight.shape, weight, self.eps)


def times(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """x @ weight in f32, x rounded as the weight is."""
    return (x.to(weight.dtype) @ weight).float()


def block_of(layer, products: torch.dtype) -> dict[str, torch.Tensor]:
    """A block's weights, transposed; matrices with the same input are one matrix."""
    attention, mlp = layer.self_attn, layer.mlp
    block = {
        "norm": layer.input_layernorm.weight,
        "qkv": torch.cat([attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight]).T.contiguous(),
        "out": attention.o_proj.weight.T.contiguous(),
        "mlp_norm": layer.post_attention_layernorm.weight,
        "gate_up": torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]).T.contiguous(),
        "down": mlp.down_proj.weight.T.contiguous(),
    }
    return {name: weight if weight.ndim == 1 else weight.to(products) for name, weight in block.items()}


@dataclass
class Text:
    """What was written after a prompt, and the likeliest next tokens after each token but the last."""

    written: list[int]
    predicted: list[np.ndarray]  # (T) records each


@torch.no_grad()
def write(
    decoder: Decoder,
    prompts: list[list[int]],
    temperatures: list[float],
    most: int,
    ends: int,
    draw: torch.Generator,
    prompts_too: bool = True,
) -> list[Text]:
    """
    Continues each prompt by draws from the plain distribution at its temperature, or greedily at temperature 0, up to
    and including the token `ends`, or up to `most` tokens. prompts_too: whether to keep the predictions within the
    prompts.
    """
    device = decoder.head.device
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts], device=device)
    seen = torch.zeros(len(prompts), longest + most, dtype=torch.bool, device=device)
    for row, prompt in enumerate(prompts):
        seen[row, longest - len(prompt) :] = True
    heat = torch.tensor(temperatures, device=device)[:, None]
    room = decoder.room(len(prompts), longest + most)
    # Prompts run a few rows at a time: activations of the whole batch would be gigabytes, those of a few rows stay in
    # cache.
    step = max(1, READ // longest)
    parts = [slice(start, start + step) for start in range(0, len(prompts), step)]
    states = torch.cat([decoder.forward(ids[part], seen[part, :longest], room[:, :, part]) for part in parts])
    # The head runs row by row: the logits of a whole batch of prompts are gigabytes.
    texts = [Text([], []) for _ in prompts]
    for text, row, prompt in zip(texts, states, prompts if prompts_too else []):
        text.predicted.append(likeliest(times(row[longest - len(prompt) : -1], decoder.head)))
    rows = torch.arange(len(prompts), device=device)  # index of the text that each row of the batch continues
    for total in range(longest + 1, longest + most + 1):
        logits = times(states[:, -1], decoder.head)
        # torch.multinomial takes ten times as long on a CPU.
        reach = torch.softmax(logits / heat.clamp_min(1e-2), -1).cumsum(-1)
        drawn = torch.searchsorted(reach, reach[:, -1:] * torch.rand(len(rows), 1, generator=draw, device=device))
        chosen = torch.where(heat == 0, logits.argmax(-1, keepdim=True), drawn)
        for row, token, predicted in zip(rows.tolist(), chosen[:, 0].tolist(), likeliest(logits)):
            if texts[row].written[-1:] != [ends]:
                texts[row].written.append(token)
                texts[row].predicted.append(predicted[None])
        going = torch.tensor([texts[row].written[-1] != ends for row in rows.tolist()], device=device)
        if total == longest + most or not going.any():
            break
        # Moving keys and values costs as much as a few steps, so rows that ended are dropped only when they are many.
        if going.float().mean() < 0.8:
            chosen, heat, seen, rows, room = chosen[going], heat[going], seen[going], rows[going], room[:, :, going]
        states = decoder.forward(chosen, seen[:, :total], room)
    return texts
