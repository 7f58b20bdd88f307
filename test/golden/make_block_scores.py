"""Golden block scores of the real model for test/methods/shortened-llama.test.ts: transformers in float32 on the
weights that the gguf package dequantises.

usage: make_block_scores.py MODEL.gguf TOKENIZER.json TEXT.txt

Writes block_scores.json beside this file: what each block is worth by every criterion on the first 128 tokens of windows 0 to 9 of
512 tokens of the text, and the order in which a stable sort removes them.
"""

import copy
import json
import pathlib
import sys

import torch
from gguf_llama import load_gguf_llama
from tokenizers import Tokenizer

WINDOW, SAMPLES, TOKENS = 512, 10, 128
LAST_SHOWN = 10


def calibration(tokenizer_json: str, text: str) -> torch.Tensor:
    with open(text, encoding="utf-8") as file:
        ids = Tokenizer.from_file(tokenizer_json).encode(file.read(), add_special_tokens=False).ids
    return torch.tensor([ids[n * WINDOW : n * WINDOW + TOKENS] for n in range(SAMPLES)])


def main(gguf: str, tokenizer_json: str, text: str) -> None:
    model = load_gguf_llama(gguf)
    batch = calibration(tokenizer_json, text)
    loss = lambda: model(batch, labels=batch, use_cache=False).loss
    blocks = list(model.model.layers)
    with torch.no_grad():
        magnitude = [sum(p.double().abs().sum().item() for p in block.parameters()) for block in blocks]
        hidden = model(batch, output_hidden_states=True, use_cache=False).hidden_states[:-1]
        outputs = []
        hook = blocks[-1].register_forward_hook(lambda _m, _i, out: outputs.append(out if torch.is_tensor(out) else out[0]))
        dense = loss().exp().item()
        hook.remove()
        stream = [*hidden, outputs[0]]
        influence = [
            1 - torch.cosine_similarity(x.double(), y.double(), dim=-1).mean().item() for x, y in zip(stream, stream[1:])
        ]
        perplexity = []
        for n in range(len(blocks)):
            left = [copy.copy(block) for i, block in enumerate(blocks) if i != n]
            model.model.layers = torch.nn.ModuleList(left)
            model.config.num_hidden_layers = len(left)
            perplexity.append(loss().exp().item())
        model.model.layers = torch.nn.ModuleList(blocks)
        model.config.num_hidden_layers = len(blocks)
    loss().backward()
    taylor = [sum((p.double() * p.grad.double()).abs().sum().item() for p in block.parameters()) for block in blocks]
    scores = {"magnitude": magnitude, "taylor": taylor, "perplexity": perplexity, "influence": influence}
    protected = {0, 1, 2, 3, len(blocks) - 2, len(blocks) - 1}
    by = lambda values: sorted(range(len(values)), key=values.__getitem__)
    orders = {
        name: {"plain": by(values)[:LAST_SHOWN], "plus": [n for n in by(values) if n not in protected][:LAST_SHOWN]}
        for name, values in scores.items()
    }
    golden = {"dense": dense, "scores": scores, "orders": orders}
    (pathlib.Path(__file__).parent / "block_scores.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
