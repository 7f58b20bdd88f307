"""Golden importances for test/methods/llm-pruner.test.ts, by transformers' Llama and torch's gradients in f64.

    python test/golden/make_llm_pruner.py

Writes llm_pruner.json beside this file: a random Llama of two blocks (4 query heads on 2 key/value heads), the gradient of its
mean loss, the mean of the squared gradients of its samples, what each group is worth by every salience and aggregation, and
by how much the loss changes (central differences) while single rows and columns are scaled down.
"""

import base64
import json
import pathlib

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaRMSNorm

HERE = pathlib.Path(__file__).parent
H, G, D, E, F, V, L = 4, 2, 4, 12, 6, 20, 2
SAMPLES, LENGTH = 3, 10


def f32(tensor: torch.Tensor) -> str:
    return base64.b64encode(tensor.detach().numpy().astype("<f4").tobytes()).decode()


def rms_norm(self: LlamaRMSNorm, x: torch.Tensor) -> torch.Tensor:
    """The library's own computes in f32 whatever the model is in; finite differences need more."""
    return self.weight * x * torch.rsqrt((x**2).mean(-1, keepdim=True) + self.variance_epsilon)


def main() -> None:
    LlamaRMSNorm.forward = rms_norm
    torch.manual_seed(5)
    torch.set_default_dtype(torch.float64)
    config = LlamaConfig(
        hidden_size=E, intermediate_size=F, num_hidden_layers=L, num_attention_heads=H, num_key_value_heads=G,
        head_dim=D, vocab_size=V, tie_word_embeddings=True, attn_implementation="sdpa",
    )
    model = LlamaForCausalLM(config).double()
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    for p in parameters.values():
        # What a float32 holds, so that the file is exact.
        p.data = (torch.randn_like(p) * (0.5 if p.dim() == 2 else 0.1) + (p.dim() == 1)).float().double()
    tokens = torch.randint(0, V, (SAMPLES, LENGTH))

    def loss(batch: torch.Tensor) -> torch.Tensor:
        logits = model(batch).logits
        return torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, V), batch[:, 1:].reshape(-1))

    def gradients(batch: torch.Tensor) -> dict[str, torch.Tensor]:
        model.zero_grad()
        loss(batch).backward()
        return {name: p.grad.clone() for name, p in parameters.items()}

    gradient = gradients(tokens)
    squares = {name: torch.zeros_like(p) for name, p in parameters.items()}
    for sample in tokens:
        for name, g in gradients(sample[None]).items():
            squares[name] += g**2 / SAMPLES
    # As the reader of the file has them.
    gradient = {name: g.float().double() for name, g in gradient.items()}
    squares = {name: s.float().double() for name, s in squares.items()}

    def lines(salience: str, name: str, dim: int) -> torch.Tensor:
        """What each line is worth; `dim` is the dimension summed over."""
        w, g, s = parameters[name].detach(), gradient[name], squares[name]
        w, g, s = (t if t.dim() == 2 else t[None] for t in (w, g, s))
        if salience == "vector":
            return (w * g).sum(dim).abs()
        element = {"first": w * g, "second": w**2 * s, "mixed": w * g - 0.5 * w**2 * s}[salience]
        return element.abs().sum(dim)

    def members(salience: str, layer: int) -> dict[str, list[torch.Tensor]]:
        at = lambda name: f"model.layers.{layer}.{name}.weight"
        heads = lambda name, dim: lines(salience, at(f"self_attn.{name}_proj"), dim).view(G, -1).sum(1)
        channels = lambda name, dim: lines(salience, at(f"mlp.{name}_proj"), dim)
        return {
            "attention": [heads("q", 1), heads("k", 1), heads("v", 1), heads("o", 0)],
            "mlp": [channels("gate", 1), channels("up", 1), channels("down", 0)],
        }

    def aggregate(parts: list[torch.Tensor]) -> dict[str, list[float]]:
        stack = torch.stack(parts)
        return {"sum": stack.sum(0).tolist(), "prod": stack.prod(0).tolist(), "max": stack.amax(0).tolist(), "last": stack[-1].tolist()}

    importance = {}
    for salience in ("vector", "first", "second", "mixed"):
        blocks = [{kind: aggregate(parts) for kind, parts in members(salience, layer).items()} for layer in range(L)]
        stream = [lines(salience, "model.embed_tokens.weight", 0)]
        for layer in range(L):
            for name in ("input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                         "post_attention_layernorm", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"):
                adds = name.endswith(("o_proj", "down_proj"))
                stream.append(lines(salience, f"model.layers.{layer}.{name}.weight", 1 if adds else 0))
        stream.append(lines(salience, "model.norm.weight", 0))
        importance[salience] = {"blocks": blocks, "hidden": aggregate(stream)}

    def slope(name: str, dim: int, index: int) -> float:
        """|d loss / d scale| of one line."""
        p, step, losses = parameters[name], 1e-5, []
        saved = p.data.clone()
        for factor in (1 + step, 1 - step):
            p.data = saved.clone()
            p.data.select(dim, index).mul_(factor)
            with torch.no_grad():
                losses.append(loss(tokens).item())
        p.data = saved
        return abs(losses[0] - losses[1]) / (2 * step)

    slopes = {}
    for name in ("self_attn.k_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"):
        full = f"model.layers.1.{name}.weight"
        dim = 1 if name.endswith(("o_proj", "down_proj")) else 0
        slopes[full] = {"axis": "cols" if dim else "rows", "values": [slope(full, dim, i) for i in range(parameters[full].shape[dim])]}

    tensors = {
        name: {"shape": list(p.shape), "values": f32(p), "gradient": f32(gradient[name]), "squares": f32(squares[name])}
        for name, p in parameters.items()
    }
    sizes = {"layers": L, "heads": H, "kvHeads": G, "headSize": D, "embedding": E, "feedForward": F, "vocabulary": V}
    golden = {"sizes": sizes, "tensors": tensors, "importance": importance, "slopes": slopes}
    (HERE / "llm_pruner.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
