"""
The forward pass of a target that writes or judges many texts at once: Llama, and what Mistral, Qwen2 and Qwen3 add to
it. Keys and values are written in place into one tensor and never moved, which doubles the tokens per second on a CPU.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .head import predict, records

READ = 2048  # positions of prompts that are read at a time, padding included


class Decoder:
    """
    Takes the weights out of a model of transformers, which cannot be used from then on: no weight is in memory twice.

    products: the type that weights, their inputs, keys and values are rounded to for a product; everything else is f32.
    """

    def __init__(self, model: nn.Module, products: torch.dtype = torch.float32):
        config = model.config
        attention = model.model.layers[0].self_attn
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.size = attention.head_dim
        self.eps = config.rms_norm_eps
        self.rotary = model.model.rotary_emb
        self.products = products
        self.embedding = model.model.embed_tokens.weight.detach().to(products)
        tied = config.tie_word_embeddings
        self.head = self.embedding if tied else model.lm_head.weight.detach().to(products)  # (V, hidden)
        self.norm = model.model.norm.weight.detach().float()
        layers = list(model.model.layers)
        model.model.layers = nn.ModuleList()
        self.blocks = []
        while layers:
            self.blocks.append(block_of(layers.pop(0), products))

    def room(self, rows: int, tokens: int) -> torch.Tensor:
        """Zeros for the keys and values of `tokens` tokens in each row: (blocks, 2, rows, kv heads, tokens, size)."""
        shape = (len(self.blocks), 2, rows, self.kv_heads, tokens, self.size)
        return torch.zeros(shape, device=self.head.device, dtype=self.products)

    @torch.no_grad()
    def forward(self, ids: torch.Tensor, seen: torch.Tensor, room: torch.Tensor) -> torch.Tensor:
        """
        Runs tokens that follow those whose keys and values are in `room`, and writes theirs to columns S − T to S.

        ids: (B, T). seen: (B, S), true where a column is a token and false where it is padding on the left; the last T
        columns are those of `ids`. Returns (B, T, hidden), the input of the head.
        """
        (rows, new), total = ids.shape, seen.shape[1]
        positions = (seen.cumsum(1) - 1).clamp_min(0)[:, -new:]
        x = F.embedding(ids, self.embedding).float()
        cos, sin = (part[:, :, None] for part in self.rotary(x, positions))
        past = torch.ones(new, total, dtype=torch.bool, device=ids.device).tril(total - new)
        # A finite bias: rows of padding alone must not divide by nothing.
        bias = torch.zeros(rows, 1, new, total, device=ids.device, dtype=self.products)
        bias.masked_fill_(~(seen[:, None, None] & past), -1e9)
        # Queries that share a key/value head lie side by side, so that its keys and values are read once.
        group = self.heads // self.kv_heads
        bias = bias.repeat(1, 1, group, 1)
        for block, (keys, values) in zip(self.blocks, room):
            q, k, v = self.queries(block, x)
            q, k = (
                part * cos + torch.cat([-part[..., self.size // 2 :], part[..., : self.size // 2]], -1) * sin
                for part in (q, k)
            )
            keys[:, :, total - new : total] = k.transpose(1, 2)
            values[:, :, total - new : total] = v.transpose(1, 2)
            q = q.unflatten(2, (self.kv_heads, group)).permute(0, 2, 3, 1, 4).flatten(2, 3).to(self.products)
            read = F.scaled_dot_product_attention(q, keys[:, :, :total], values[:, :, :total], attn_mask=bias)
            x = x + times(read.unflatten(2, (group, new)).permute(0, 3, 1, 2, 4).flatten(2), block["out"])
            gate, up = times(self.rms(x, block["mlp_norm"]), block["gate_up"]).chunk(2, -1)
            x = x + times(F.silu(gate) * up, block["down"])
        return self.rms(x, self.norm)

    def queries(self, block: dict[str, torch.Tensor], x: torch.Tensor) -> list[torch.Tensor]:
        """(B, T, heads, size) each of queries, keys and values before RoPE. Qwen2 has biases, Qwen3 norms."""
        widths = [self.heads * self.size, self.kv_heads * self.size, self.kv_heads * self.size]
        made = times(self.rms(x, block["norm"]), block["qkv"])
        if "qkv_bias" in block:
            made = made + block["qkv_bias"]
        q, k, v = (part.unflatten(-1, (-1, self.size)) for part in made.split(widths, -1))
        if "q_norm" in block:
            q, k = self.rms(q, block["q_norm"]), self.rms(k, block["k_norm"])
        return [q, k, v]

    def rms(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return F.rms_norm(x, weight.shape, weight, self.eps)


def times(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """x @ weight in f32, x rounded as the weight is."""
    return (x.to(weight.dtype) @ weight).float()


def block_of(layer: nn.Module, products: torch.dtype) -> dict[str, torch.Tensor]:
    """A block's weights, transposed; matrices with the same input are one matrix. Vectors are in f32."""
    attention, mlp = layer.self_attn, layer.mlp

    def joined(*parts: nn.Linear) -> torch.Tensor:
        return torch.cat([part.weight.detach().to(products) for part in parts]).T.contiguous()

    qkv = (attention.q_proj, attention.k_proj, attention.v_proj)
    others = [*qkv, attention.o_proj, mlp.gate_proj, mlp.up_proj, mlp.down_proj]
    if any(part.bias is not None for part in others[3:]):
        raise SystemExit(f"{type(layer).__name__} has biases that no architecture here has")
    block = {
        "norm": layer.input_layernorm.weight,
        "qkv": joined(*qkv),
        "out": joined(attention.o_proj),
        "mlp_norm": layer.post_attention_layernorm.weight,
        "gate_up": joined(mlp.gate_proj, mlp.up_proj),
        "down": joined(mlp.down_proj),
    }
    if attention.q_proj.bias is not None:
        block["qkv_bias"] = torch.cat([part.bias for part in qkv])
    if hasattr(attention, "q_norm"):
        block["q_norm"], block["k_norm"] = attention.q_norm.weight, attention.k_norm.weight
    return {name: part.detach().float() if part.ndim == 1 else part for name, part in block.items()}


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
    ends: Collection[int],
    draw: torch.Generator,
    prompts_too: bool = True,
) -> list[Text]:
    """
    Continues each prompt by draws from the plain distribution at its temperature, or greedily at temperature 0, up to
    and including the first of the tokens `ends`, or up to `most` tokens. prompts_too: whether to keep the predictions
    within the prompts.
    """
    device = decoder.head.device
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts], device=device)
    seen = torch.zeros(len(prompts), longest + most, dtype=torch.bool, device=device)
    for row, prompt in enumerate(prompts):
        seen[row, longest - len(prompt) :] = True
    heat = torch.tensor(temperatures, device=device)
    room = decoder.room(len(prompts), longest + most)
    texts = [Text([], []) for _ in prompts]
    # Prompts run a few rows at a time: activations of the whole batch would be gigabytes, those of a few rows stay in
    # cache.
    lasts, step = [], max(1, READ // longest)
    for start in range(0, len(prompts), step):
        part = slice(start, start + step)
        states = decoder.forward(ids[part], seen[part, :longest], room[:, :, part])
        lasts.append(states[:, -1].clone())
        for text, row, prompt in zip(texts[part], states, prompts[part] if prompts_too else []):
            if len(prompt) > 1:
                text.predicted.append(records(row[longest - len(prompt) : -1], decoder.head))
    states = torch.cat(lasts)
    rows = torch.arange(len(prompts), device=device)  # index of the text that each row of the batch continues
    for total in range(longest + 1, longest + most + 1):
        said = predict(states, decoder.head)
        chosen = said.draw(heat, draw)
        for row, token, predicted in zip(rows.tolist(), chosen.tolist(), said.records()):
            if not texts[row].written or texts[row].written[-1] not in ends:
                texts[row].written.append(token)
                texts[row].predicted.append(predicted[None])
        going = torch.tensor([texts[row].written[-1] not in ends for row in rows.tolist()], device=device)
        if total == longest + most or not going.any():
            break
        # Moving keys and values costs as much as a few steps, so rows that ended are dropped only when they are many.
        if going.float().mean() < 0.8:
            chosen, heat, seen, rows, room = chosen[going], heat[going], seen[going], rows[going], room[:, :, going]
        states = decoder.forward(chosen[:, None], seen[:, :total], room)[:, -1]
    return texts


@torch.no_grad()
def judge(decoder: Decoder, lines: list[list[int]]) -> list[np.ndarray]:
    """The likeliest next tokens after each token but the last of each line."""
    longest = max(map(len, lines))
    device = decoder.head.device
    # Padding is on the right: no token reads what comes after it.
    ids = torch.tensor([line + [0] * (longest - len(line)) for line in lines], device=device)
    seen = torch.ones(ids.shape, dtype=torch.bool, device=device)
    states = decoder.forward(ids, seen, decoder.room(*ids.shape))
    return [records(row[: len(line) - 1], decoder.head) for line, row in zip(lines, states)]
