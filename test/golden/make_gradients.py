"""Golden gradients of the real model: PyTorch's autograd in float64 on the weights that the gguf package dequantises.

usage: make_gradients.py MODEL.gguf WIKITEXT.json OUT.json
For the first two windows of make_wikitext.py's file: each window's mean cross-entropy, and of every tensor of every block the
norm and a few entries of the gradients' sum, and the same entries of the sum of the gradients' squares.
"""

import json
import sys

import torch
from gguf_llama import load_gguf_llama

WINDOWS = 2
SAMPLES = 4
SUFFIXES = [
    "input_layernorm.weight",
    "self_attn.q_proj.weight",
    "self_attn.k_proj.weight",
    "self_attn.v_proj.weight",
    "self_attn.o_proj.weight",
    "post_attention_layernorm.weight",
    "mlp.gate_proj.weight",
    "mlp.up_proj.weight",
    "mlp.down_proj.weight",
]


def places(layer: int, size: int) -> list[int]:
    """Entries spread over the tensor, others in each layer."""
    return [((2 * n + 1) * size // (2 * SAMPLES) + 7919 * (layer + 1)) % size for n in range(SAMPLES)]


def main(gguf: str, wikitext: str, out: str) -> None:
    model = load_gguf_llama(gguf).double()
    with open(wikitext, encoding="utf-8") as file:
        windows = [window["tokens"] for window in json.load(file)["windows"][:WINDOWS]]
    layers = len(model.model.layers)
    names = [f"model.layers.{layer}.{suffix}" for layer in range(layers) for suffix in SUFFIXES]
    parameters = dict(model.named_parameters())
    sums = {name: torch.zeros_like(parameters[name]) for name in names}
    squares = {name: torch.zeros_like(parameters[name]) for name in names}
    losses = []
    for window in windows:
        tokens = torch.tensor([window])
        logits = model(tokens).logits[0, :-1]
        assert logits.dtype == torch.float64
        loss = torch.nn.functional.cross_entropy(logits, tokens[0, 1:])
        losses.append(loss.item())
        for name, gradient in zip(names, torch.autograd.grad(loss, [parameters[name] for name in names])):
            sums[name] += gradient
            squares[name] += gradient**2
    tensors = {}
    for name in names:
        total, squared = sums[name].flatten(), squares[name].flatten()
        at = places(int(name.split(".")[2]), total.numel())
        rounded = lambda values: [float(f"{value:.8e}") for value in values]
        tensors[name] = {
            "norm": rounded([total.norm().item()])[0],
            "at": at,
            "sum": rounded(total[at].tolist()),
            "squares": rounded(squared[at].tolist()),
        }
    with open(out, "w", encoding="utf-8") as file:
        file.write(json.dumps({"losses": losses, "tensors": tensors}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
