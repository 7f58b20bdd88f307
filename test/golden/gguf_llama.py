"""A GGUF Llama as a transformers model in float32, for the golden files.

The weights are dequantised by the gguf package and run by transformers, so that nothing of ours takes part.
Query and key rows go back from GGUF's interleaved RoPE order to the half-split order that transformers uses.
"""

import numpy as np
import torch
from gguf import GGUFReader, dequantize
from transformers import LlamaConfig, LlamaForCausalLM

BLOCK = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def half_split(rows: torch.Tensor, heads: int) -> torch.Tensor:
    """(heads * D, E): GGUF keeps the channel pairs (2i, 2i + 1) that RoPE rotates; transformers wants (i, i + D/2)."""
    size = rows.shape[0] // heads
    return rows.reshape(heads, size // 2, 2, -1).transpose(1, 2).reshape(rows.shape)


def load_gguf_llama(path: str) -> LlamaForCausalLM:
    reader = GGUFReader(path)
    tensors = {tensor.name: tensor for tensor in reader.tensors}

    def field(name: str):
        return reader.fields[f"llama.{name}"].contents()

    def weight(name: str) -> torch.Tensor:
        tensor = tensors[name]
        return torch.tensor(np.array(dequantize(tensor.data, tensor.tensor_type)), dtype=torch.float32)

    heads, kv_heads = field("attention.head_count"), field("attention.head_count_kv")
    layers, embedding = field("block_count"), field("embedding_length")
    state = {"model.embed_tokens.weight": weight("token_embd.weight"), "model.norm.weight": weight("output_norm.weight")}
    tied = "output.weight" not in tensors
    state["lm_head.weight"] = state["model.embed_tokens.weight"] if tied else weight("output.weight")
    for layer in range(layers):
        for ours, theirs in BLOCK.items():
            value = weight(f"blk.{layer}.{theirs}.weight")
            if theirs in ("attn_q", "attn_k"):
                value = half_split(value, heads if theirs == "attn_q" else kv_heads)
            state[f"model.layers.{layer}.{ours}.weight"] = value
    config = LlamaConfig(
        vocab_size=state["model.embed_tokens.weight"].shape[0],
        hidden_size=embedding,
        intermediate_size=field("feed_forward_length"),
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=state["model.layers.0.self_attn.q_proj.weight"].shape[0] // heads,
        max_position_embeddings=field("context_length"),
        rms_norm_eps=field("attention.layer_norm_rms_epsilon"),
        rope_theta=field("rope.freq_base"),
        rope_parameters={"rope_type": "default", "rope_theta": field("rope.freq_base")},
        tie_word_embeddings=tied,
        attn_implementation="eager",
    )
    model = LlamaForCausalLM(config)
    model.load_state_dict(state)
    return model.float().eval()
