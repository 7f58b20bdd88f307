"""
The blocks of a student as one compiled function of their input and their weights. On a CPU what lies between the
products of a block (norms, rotations, gates, copies to bf16) takes as long as the products do; compiled, it is a few
loops. Weights are arguments. So rounded weights, which are made anew for each step, go the same way as plain ones, and
all blocks share the code of a shape. Code is made for each shape of a batch, so batches are made to have few shapes.
"""

import torch
import torch.nn.functional as F
from torch import nn
from transformers import PreTrainedConfig

from .student import product_type

UNIT = 64  # lengths of batches are multiples of it
SHAPES = 64  # more are not compiled: lines of 4,096 positions
CHUNK = 128  # queries that attention takes at a time, with the keys up to the last of them
KINDS = ("llama", "mistral", "qwen2", "qwen3")


def has_compiler() -> bool:
    """Whether this machine has the C++ compiler that PyTorch's own compiler needs on a CPU."""
    from torch._inductor import cpp_builder, exc

    try:
        cpp_builder.get_cpp_compiler()
    except (exc.InvalidCxxCompiler, RuntimeError):
        return False
    return True


def compiles() -> bool:
    """Whether compiled code runs here: a compiler may lack headers. Takes seconds, once in a cache's life."""
    if not has_compiler():
        return False
    try:
        torch.compile(F.silu)(torch.ones(UNIT))
    except (RuntimeError, OSError):
        return False
    return True


def lacking(config: PreTrainedConfig, longest: int) -> str | None:
    """Why a model cannot run here, compiled, on lines of up to `longest` tokens, in words; None where it can."""
    if not has_compiler():
        return "there is no C++ compiler (g++ or clang++, or the one that CXX names)"
    return unlike(config, longest)


def unlike(config: PreTrainedConfig, longest: int) -> str | None:
    """Why `block` does not compute what a model's blocks do on lines of up to `longest` tokens; None where it does."""
    if config.model_type not in KINDS:
        return f"it has blocks of {', '.join(KINDS)}, and the student is {config.model_type}"
    if getattr(config, "mlp_bias", False) or (config.model_type == "llama" and config.attention_bias):
        return "it has no biases of Llama's, and the student has some"
    window = getattr(config, "sliding_window", None)
    if window is not None and window < longest:
        return f"attention reaches {window} tokens back in the student, and --longest is {longest}"
    return None


class Blocks:
    """The blocks of a model of transformers, in place of its own forward pass where it learns."""

    def __init__(self, model: nn.Module):
        self.model = model
        torch._dynamo.config.recompile_limit = SHAPES
        self.block = torch.compile(block, dynamic=False)

    def states(self, ids: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        """The input of the head, (N, hidden), at the N positions of (B, T) that `at` marks, as student.states does."""
        inner, config = self.model.model, self.model.config
        x = inner.embed_tokens(ids)
        positions = torch.arange(ids.shape[1], device=ids.device)[None]
        products = product_type(ids.device.type)
        cos, sin = (part[:, :, None].to(products) for part in inner.rotary_emb(x, positions))
        later = later_keys(ids.shape[1], ids.device)
        for layer in inner.layers:
            x = self.block(x, cos, sin, later, *arguments(layer, config))
        return inner.norm(x)[at]


def later_keys(length: int, device: torch.device | str) -> torch.Tensor:
    """
    (T, T), added to scores: hides the keys that come after a query. A mask of truth values would keep compiled code
    from going over scores in vectors.
    """
    return torch.full((length, length), -1e9, device=device).triu(1)


def arguments(layer: nn.Module, config: PreTrainedConfig) -> tuple:
    """What `block` takes of a block of transformers: weights of norms and projections, biases, and two numbers."""
    attention, mlp = layer.self_attn, layer.mlp
    qkv = (attention.q_proj, attention.k_proj, attention.v_proj)
    return (
        (layer.input_layernorm.weight, layer.post_attention_layernorm.weight),
        tuple(part.weight for part in (*qkv, attention.o_proj, mlp.gate_proj, mlp.up_proj, mlp.down_proj)),
        tuple(part.bias for part in qkv),
        (attention.q_norm.weight, attention.k_norm.weight) if hasattr(attention, "q_norm") else (),
        attention.head_dim,
        config.rms_norm_eps,
    )


def block(x, cos, sin, later, norms, projections, biases, head_norms, size, eps):
    """x: (B, T, hidden). The block of Llama and Mistral, with what Qwen2 (biases) and Qwen3 (norms of heads) add."""
    *qkv, out, gate, up, down = projections
    read = F.rms_norm(x, norms[0].shape, norms[0], eps)
    x = x + F.linear(mixed(read, cos, sin, later, qkv, biases, head_norms, size, eps), out)
    read = F.rms_norm(x, norms[1].shape, norms[1], eps)
    return x + F.linear(gated(read, gate, up), down)


def mixed(read, cos, sin, later, qkv, biases, head_norms, size, eps):
    """What attention's out-projection multiplies, (B, T, heads · size), from what its other three do."""
    rows, length, _ = read.shape
    q, k, v = (F.linear(read, weight, bias).view(rows, length, -1, size) for weight, bias in zip(qkv, biases))
    if head_norms:
        q, k = (F.rms_norm(part.float(), (size,), norm, eps) for part, norm in zip((q, k), head_norms))
    q, k = turned(q, cos, sin), turned(k, cos, sin)
    q, k, v = (part.transpose(1, 2) for part in (q, k, v.to(q.dtype)))
    # Each head of keys and values for the heads of queries that share it.
    k, v = (part.repeat_interleave(q.shape[1] // k.shape[1], 1) for part in (k, v))
    return attention(q, k, v, later).transpose(1, 2).flatten(2)


def gated(read, gate, up):
    """What the MLP's down projection multiplies, from what its other two do."""
    return F.silu(F.linear(read, gate)) * F.linear(read, up)


def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, later: torch.Tensor) -> torch.Tensor:
    """
    Of (B, heads, T, size); later: (T, T). Plain products: PyTorch's fused attention takes a fifth of a step on a CPU,
    most of it in its derivative. In chunks, of which no query meets many keys that come after it.
    """
    read = []
    for first in range(0, q.shape[2], CHUNK):
        end = first + CHUNK
        scores = (q[:, :, first:end] @ k[:, :, :end].transpose(2, 3)).float() * q.shape[-1] ** -0.5
        weights = (scores + later[first:end, :end]).softmax(-1)
        read.append(weights.to(v.dtype) @ v[:, :, :end])
    return torch.cat(read, 2)


def turned(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """RoPE of (B, T, heads, size)."""
    half = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin
