"""Golden gradients of KL(teacher || model): PyTorch's autograd in float64, the model being the teacher without some blocks.

usage: make_divergence_gradients.py MODEL.gguf KEEP WINDOWS OUT.json
KEEP are the model's blocks, as 0,1,4; WINDOWS is COUNTxLENGTH, of seeded random tokens for a model of fewer than 1,000, else of
make_wikitext.py's file beside this script. Writes each window's mean divergence, and of every tensor the norm and a few entries
of the gradients' sum, and the same entries of the sum of the gradients' squares; of embedding and final norm too.
"""

import copy
import json
import pathlib
import random
import sys

import torch
from gguf_llama import load_gguf_llama
from make_gradients import SUFFIXES, places


def read_windows(vocabulary: int, count: int, length: int) -> list[list[int]]:
    if vocabulary < 1000:
        draw = random.Random(5)
        return [[draw.randrange(vocabulary) for _ in range(length)] for _ in range(count)]
    with open(pathlib.Path(__file__).with_name("wikitext.json"), encoding="utf-8") as file:
        return [window["tokens"][:length] for window in json.load(file)["windows"][:count]]


def main(gguf: str, keep_text: str, windows_text: str, out: str) -> None:
    teacher = load_gguf_llama(gguf).double()
    keep = [int(layer) for layer in keep_text.split(",")]
    model = copy.deepcopy(teacher)
    model.model.layers = torch.nn.ModuleList([model.model.layers[layer] for layer in keep])
    for index, layer in enumerate(model.model.layers):
        layer.self_attn.layer_idx = index
    model.config.num_hidden_layers = len(keep)
    count, length = map(int, windows_text.split("x"))
    windows = read_windows(model.config.vocab_size, count, length)

    blocks = [f"model.layers.{layer}.{suffix}" for layer in range(len(keep)) for suffix in SUFFIXES]
    names = ["model.embed_tokens.weight", *blocks, "model.norm.weight"]
    parameters = dict(model.named_parameters())
    assert "lm_head.weight" not in parameters, "the head is to be tied"
    sums = {name: torch.zeros_like(parameters[name]) for name in names}
    squares = {name: torch.zeros_like(parameters[name]) for name in names}
    losses = []
    for window in windows:
        tokens = torch.tensor([window])
        with torch.no_grad():
            answers = teacher(tokens, use_cache=False).logits[0, :-1].log_softmax(-1)
        own = model(tokens, use_cache=False).logits[0, :-1].log_softmax(-1)
        assert own.dtype == torch.float64
        loss = (answers.exp() * (answers - own)).sum(-1).mean()
        losses.append(loss.item())
        for name, gradient in zip(names, torch.autograd.grad(loss, [parameters[name] for name in names])):
            sums[name] += gradient
            squares[name] += gradient**2
    tensors = {}
    for name in names:
        total, squared = sums[name].flatten(), squares[name].flatten()
        layer = int(name.split(".")[2]) if name in blocks else len(keep)
        at = places(layer, total.numel())
        if name == names[0]:  # What the windows read, beside what they do not.
            at += [windows[0][3] * total.numel() // model.config.vocab_size + 7]
        rounded = lambda values: [float(f"{value:.8e}") for value in values]
        tensors[name] = {
            "norm": rounded([total.norm().item()])[0],
            "at": at,
            "sum": rounded(total[at].tolist()),
            "squares": rounded(squared[at].tolist()),
        }
    golden = {"keep": keep, "windows": windows, "losses": losses, "tensors": tensors}
    with open(out, "w", encoding="utf-8") as file:
        file.write(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
