"""The peer of squeeze.ts: calibrated pruning and Fisher's information in plain PyTorch, f32, on all cores.

    python torch_squeeze.py wanda|sparsegpt|fisher MODEL.gguf < windows.json
    python torch_squeeze.py perplexity CHECKPOINT < windows.json

windows.json is {"calibration": lists of token ids, "evaluation": the same}. Writes one line of JSON: "load", the
seconds that imports and reading the model took; "seconds", those of the work itself; "peak", bytes at its end; and
"perplexity" of the result, or of Fisher's information the "sums" of its diagonal by tensor. Written from the papers,
as fast as a plain program gets: matrices with the same input share its statistics and its factor, windows go through
a block in batches.
"""

import time

started = time.perf_counter()

import json
import math
import os
import resource
import sys
from pathlib import Path

import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parent.parent / "golden"))
from gguf_llama import load_gguf_llama
from transformers import LlamaForCausalLM

BATCH = 8
SPARSITY = 0.5
DAMPING = 0.01
COLUMNS = 128
# Matrices of a block by what they multiply.
INPUTS = [
    ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    ["self_attn.o_proj"],
    ["mlp.gate_proj", "mlp.up_proj"],
    ["mlp.down_proj"],
]


def squares(x):
    """(K): sum over tokens of x squared, all that Wanda wants to know."""
    return x.square().sum(0)


def gram(x):
    """(K, K): sum over tokens of x xT."""
    return x.T @ x


@torch.no_grad()
def compress(model, windows, statistic, prepare, solve):
    """Block by block: statistics fed by the compressed blocks before it, every matrix solved, the block run again."""
    hidden = model.model.embed_tokens(windows)
    rope = model.model.rotary_emb(hidden[:1], torch.arange(windows.shape[1])[None])

    def through(layer, at):
        # Without a mask, scaled dot-product attention is causal.
        out = layer(hidden[at : at + BATCH], attention_mask=None, position_embeddings=rope)
        return out[0] if isinstance(out, tuple) else out

    for layer in model.model.layers:
        modules = dict(layer.named_modules())
        sums = {}

        def keep(name):
            def hook(_, inputs):
                x = statistic(inputs[0].flatten(0, -2))
                sums[name] = x if name not in sums else sums[name].add_(x)

            return modules[name].register_forward_pre_hook(hook)

        hooks = [keep(names[0]) for names in INPUTS]
        for at in range(0, len(windows), BATCH):
            through(layer, at)
        for hook in hooks:
            hook.remove()
        for names in INPUTS:
            prepared = prepare(sums[names[0]], len(windows))
            for name in names:
                modules[name].weight.copy_(solve(modules[name].weight, prepared))
        for at in range(0, len(windows), BATCH):
            hidden[at : at + BATCH] = through(layer, at)


def wanda(weight, norms):
    """Sun et al. 2023: of each row the half with the least |w| * norm of its input goes."""
    order = (weight.abs() * norms).argsort(dim=1, stable=True)
    return weight.scatter(1, order[:, : int(weight.shape[1] * SPARSITY)], 0)


def factor(total, windows):
    """Upper Cholesky factor of the inverse of the damped H = 2/N sum x xT, and which inputs are always zero."""
    hessian = total * (2 / windows)
    diagonal = hessian.diagonal()
    dead = diagonal == 0
    diagonal[dead] = 1
    diagonal += DAMPING * diagonal.mean()
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(hessian))
    return torch.linalg.cholesky(inverse, upper=True), dead


def sparsegpt(weight, prepared):
    """Frantar and Alistarh 2023, algorithm 1: one threshold per 128 columns; later columns make up for the error."""
    upper, dead = prepared
    columns = weight.T.contiguous()  # (K, R): a column of the weights is a row here, in one piece
    columns[dead] = 0
    for start in range(0, len(columns), COLUMNS):
        end = min(start + COLUMNS, len(columns))
        block, own = columns[start:end], upper[start:end, start:end]
        scores = (block / own.diagonal()[:, None]).square()
        kept = scores > scores.flatten().sort().values[int(scores.numel() * SPARSITY)]
        errors = torch.empty_like(block)
        for k in range(end - start):
            torch.mul(block[k], ~kept[k], out=errors[k]).div_(own[k, k])
            block[k].mul_(kept[k])
            block[k + 1 :].addr_(own[k, k + 1 :], errors[k], alpha=-1)
        columns[end:].addmm_(upper[start:end, end:].T, errors, alpha=-1)
    return columns.T


def fisher(model, windows):
    """By tensor: mean over windows of the squared gradient of the window's mean loss."""
    names = [
        f"model.layers.{n}.{name}.weight" for n in range(len(model.model.layers)) for group in INPUTS for name in group
    ]
    parameters = dict(model.named_parameters())
    for parameter in parameters.values():
        parameter.requires_grad_(False)
    weights = [parameters[name].requires_grad_() for name in names]
    totals = [torch.zeros_like(weight) for weight in weights]
    for window in windows:
        logits = model(window[None]).logits[0, :-1]
        loss = functional.cross_entropy(logits, window[1:])
        for total, gradient in zip(totals, torch.autograd.grad(loss, weights)):
            total.addcmul_(gradient, gradient, value=1 / len(windows))
    return {name: total.double().sum().item() for name, total in zip(names, totals)}


@torch.no_grad()
def perplexity(model, windows):
    loss = sum(functional.cross_entropy(model(window[None]).logits[0, :-1], window[1:]).item() for window in windows)
    return math.exp(loss / len(windows))


def main(job, path):
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    windows = {name: torch.tensor(ids) for name, ids in json.load(sys.stdin).items()}
    if job == "perplexity":
        model = LlamaForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
    else:
        model = load_gguf_llama(path)
    model.set_attn_implementation("sdpa")
    loaded = time.perf_counter()
    calibration = windows["calibration"]
    out = {}
    if job == "wanda":
        compress(model, calibration, squares, lambda total, _: total.sqrt(), wanda)
    elif job == "sparsegpt":
        compress(model, calibration, gram, factor, sparsegpt)
    elif job == "fisher":
        out["sums"] = fisher(model, calibration)
    out["load"] = loaded - started
    out["seconds"] = time.perf_counter() - loaded
    out["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if job != "fisher":
        out["perplexity"] = perplexity(model, windows["evaluation"])
    out["version"] = torch.__version__
    print(json.dumps(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
