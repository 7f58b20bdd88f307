"""Golden models of each architecture for test/format/architectures.test.ts, by `transformers` and `gguf`.

    python test/golden/make_architectures.py

Writes beside this file, for each architecture, one block of a seeded random model:
  NAME.gguf             as llama.cpp's converter writes it: q and k rows of llama permuted, Llama 3's scaling of RoPE as
                        factors, a byte-level tokenizer
  architectures.json    by name: config.json as transformers writes it, and as transformers 4 did; the numbers of RoPE's
                        frequencies; what transformers' own GGUF loader makes of the file: SHA-256 of the f32 values
"""

import hashlib
import json
import pathlib
import tempfile

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter, TokenType, quants
from make_checkpoint import byte_alphabet, digest, permute
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

HERE = pathlib.Path(__file__).parent
TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *byte_alphabet(), "th", "the", "\u0120the", "in"]
MERGES = ["t h", "th e", "\u0120 the", "i n"]
# Heads of 32 channels are apart from E / H = 16.
SHAPE = {
    "vocab_size": len(TOKENS), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 32, "max_position_embeddings": 512, "bos_token_id": 1, "eos_token_id": 2,
}
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500000.0, "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}


def plain(theta: float) -> dict:
    return {"rope_type": "default", "rope_theta": theta}


# Name, config, architecture and pre-tokenizer of the GGUF file.
MODELS = [
    (
        "llama3",
        LlamaConfig(**{**SHAPE, "max_position_embeddings": 131072}, rms_norm_eps=1e-5, rope_parameters=LLAMA3, tie_word_embeddings=False),
        "llama",
        "llama-bpe",
    ),
    ("mistral", MistralConfig(**SHAPE, rms_norm_eps=1e-5, rope_parameters=plain(1e6), sliding_window=None), "llama", "tekken"),
    ("qwen2", Qwen2Config(**SHAPE, rms_norm_eps=1e-6, rope_parameters=plain(1e6), tie_word_embeddings=True), "qwen2", "qwen2"),
    ("qwen3", Qwen3Config(**SHAPE, rms_norm_eps=1e-6, rope_parameters=plain(1e6), tie_word_embeddings=False), "qwen3", "qwen2"),
]
GGUF_NAMES = {
    "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight",
}
BLOCK_NAMES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}


def gguf_name(name: str) -> str:
    if name in GGUF_NAMES:
        return GGUF_NAMES[name]
    _, _, layer, rest = name.split(".", 3)
    part, kind = rest.rsplit(".", 1)
    return f"blk.{layer}.{BLOCK_NAMES[part]}.{kind}"


def rope_factors(config) -> np.ndarray | None:
    """What llama.cpp's converter stores: how much slower than plain each frequency is."""
    rope = config.rope_parameters
    if rope["rope_type"] == "default":
        return None
    scaled, _ = ROPE_INIT_FUNCTIONS[rope["rope_type"]](config, "cpu")
    size = config.head_dim
    return (rope["rope_theta"] ** (-torch.arange(0, size, 2) / size) / scaled).numpy().astype(np.float32)


def write_gguf(path: pathlib.Path, model, architecture: str, pre: str) -> None:
    config = model.config
    writer = GGUFWriter(path, architecture)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(TOKENS)
    writer.add_token_types([TokenType.CONTROL] * 3 + [TokenType.NORMAL] * (len(TOKENS) - 3))
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template("{{ messages[0]['content'] }}")
    factors = rope_factors(config)
    if factors is not None:
        writer.add_tensor("rope_freqs.weight", factors)
    for number, (name, values) in enumerate(sorted(stored(model).items())):
        if architecture == "llama" and ("q_proj.weight" in name or "k_proj.weight" in name):
            values = permute(values, config.num_attention_heads if "q_proj" in name else config.num_key_value_heads)
        if values.ndim == 1:
            writer.add_tensor(gguf_name(name), values)
        else:
            kind = [GGMLQuantizationType.Q8_0, GGMLQuantizationType.Q4_0, GGMLQuantizationType.BF16][number % 3]
            writer.add_tensor(gguf_name(name), quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def stored(model) -> dict[str, np.ndarray]:
    return {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}


def older(config: dict) -> dict:
    """The same config.json in transformers 4's spelling."""
    rope = dict(config["rope_parameters"])
    theta = rope.pop("rope_theta")
    rest = {name: value for name, value in config.items() if name not in ("rope_parameters", "dtype")}
    return {**rest, "rope_theta": theta, "rope_scaling": None if rope["rope_type"] == "default" else rope, "torch_dtype": "float32"}


def main() -> None:
    golden = {}
    for seed, (name, config, architecture, pre) in enumerate(MODELS):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config).float().eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0, 0.5)
        path = HERE / f"{name}.gguf"
        write_gguf(path, model, architecture, pre)
        # To a GGUF file a Mistral is a Llama.
        reads = AutoModelForCausalLM.from_config(LlamaConfig(**SHAPE)) if architecture == "llama" else model
        state = load_gguf_checkpoint(str(path), return_tensors=True, model_to_load=reads)["tensors"]
        names = stored(model).keys()
        assert names <= state.keys(), names - state.keys()
        with tempfile.TemporaryDirectory() as folder:
            config.save_pretrained(folder)
            written = json.loads((pathlib.Path(folder) / "config.json").read_text())
        written["architectures"] = [type(model).__name__]
        frequencies = model.model.rotary_emb.inv_freq
        golden[name] = {
            "config": written,
            "older": older(written),
            "frequencies": frequencies.tolist(),
            "tensors": {each: digest(state[each].float().numpy()) for each in sorted(names)},
        }
    (HERE / "architectures.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
