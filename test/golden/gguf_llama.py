"""A GGUF model as a transformers model in float32, for the golden files.

The weights are dequantised by the gguf package and run by transformers, so that nothing of ours takes part. Where GGUF
keeps query and key rows in interleaved RoPE order they go back to the half-split order that transformers uses.
"""

import numpy as np
import torch
from gguf import GGUFReader, dequantize
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config, Qwen3Config

BLOCK = {
    "input_layernorm.weight": "attn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.q_proj.bias": "attn_q.bias",
    "self_attn.k_proj.bias": "attn_k.bias",
    "self_attn.v_proj.bias": "attn_v.bias",
    "self_attn.q_norm.weight": "attn_q_norm.weight",
    "self_attn.k_norm.weight": "attn_k_norm.weight",
    "self_attn.o_proj.weight": "attn_output.weight",
    "post_attention_layernorm.weight": "ffn_norm.weight",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
}
CONFIGS = {"llama": LlamaConfig, "qwen2": Qwen2Config, "qwen3": Qwen3Config}


def half_split(rows: torch.Tensor, heads: int) -> torch.Tensor:
    """(heads * D, E): GGUF keeps the channel pairs (2i, 2i + 1) that RoPE rotates; transformers wants (i, i + D/2)."""
    size = rows.shape[0] // heads
    return rows.reshape(heads, size // 2, 2, -1).transpose(1, 2).reshape(rows.shape)


def load_gguf_llama(path: str):
    """A model of an architecture in CONFIGS without scaled RoPE. Takes 4 bytes a weight, and once the largest tensor."""
    reader = GGUFReader(path)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    architecture = reader.fields["general.architecture"].contents()

    def field(name: str):
        return reader.fields[f"{architecture}.{name}"].contents()

    def weight(name: str) -> torch.Tensor:
        tensor = tensors[name]
        return torch.from_numpy(np.array(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32))

    heads, kv_heads = field("attention.head_count"), field("attention.head_count_kv")
    layers, embedding = field("block_count"), field("embedding_length")
    state = {"model.embed_tokens.weight": weight("token_embd.weight"), "model.norm.weight": weight("output_norm.weight")}
    tied = "output.weight" not in tensors
    state["lm_head.weight"] = state["model.embed_tokens.weight"] if tied else weight("output.weight")
    for layer in range(layers):
        for ours, theirs in BLOCK.items():
            name = f"blk.{layer}.{theirs}"
            if name not in tensors:
                continue
            value = weight(name)
            if architecture == "llama" and theirs in ("attn_q.weight", "attn_k.weight"):
                value = half_split(value, heads if theirs == "attn_q.weight" else kv_heads)
            state[f"model.layers.{layer}.{ours}"] = value
    config = CONFIGS[architecture](
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
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    model.load_state_dict(state, assign=True)
    # What is computed from the config, not stored, is still without values.
    model.model.rotary_emb = type(model.model.rotary_emb)(config)
    return model.eval()
