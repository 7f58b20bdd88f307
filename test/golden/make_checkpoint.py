"""Golden checkpoints for test/format and test/compress, by the `gguf`, `transformers` and `safetensors` packages.

    python test/golden/make_checkpoint.py

Writes beside this file
  llama.gguf          one block of a seeded random Llama in every 32-value block type, q and k rows permuted as
                      llama.cpp's converter does it, with a byte-level tokenizer and one metadata entry of every type
  llama.json          what transformers' own GGUF loader makes of it: SHA-256 of every tensor's f32 values, and the metadata
  dtypes.safetensors  one tensor of every dtype we read
"""

import hashlib
import json
import pathlib

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter, TokenType, quants
from safetensors.torch import save_file
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
E, H, G, D, F, LAYERS = 64, 4, 2, 32, 96, 1

# GGUF name, rows, cols, type
TENSORS = [
    ("blk.0.attn_norm.weight", None, E, "F32"),
    ("blk.0.attn_q.weight", H * D, E, "Q4_0"),
    ("blk.0.attn_k.weight", G * D, E, "Q4_1"),
    ("blk.0.attn_v.weight", G * D, E, "Q5_0"),
    ("blk.0.attn_output.weight", E, H * D, "F16"),
    ("blk.0.ffn_norm.weight", None, E, "F32"),
    ("blk.0.ffn_gate.weight", F, E, "Q5_1"),
    ("blk.0.ffn_up.weight", F, E, "BF16"),
    ("blk.0.ffn_down.weight", E, F, "Q8_0"),
    ("output_norm.weight", None, E, "F32"),
]


def byte_alphabet() -> list[str]:
    printable = [b for b in range(256) if 0x20 < b < 0x7F or (b > 0xA0 and b != 0xAD)]
    others = iter(range(0x100, 0x200))
    return [chr(b) if b in printable else chr(next(others)) for b in range(256)]


def permute(weights: np.ndarray, heads: int) -> np.ndarray:
    """What llama.cpp's converter does to q and k: Hugging Face's half-split pairs become neighbours."""
    shape = weights.shape
    return weights.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def write_gguf(path: pathlib.Path, generator: np.random.Generator) -> None:
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *byte_alphabet(), "th", "the", "\u0120the", "in"]
    merges = ["t h", "th e", "\u0120 the", "i n"]
    writer = GGUFWriter(path, "llama")
    writer.add_name("golden")
    writer.add_block_count(LAYERS)
    writer.add_context_length(256)
    writer.add_embedding_length(E)
    writer.add_feed_forward_length(F)
    writer.add_head_count(H)
    writer.add_head_count_kv(G)
    writer.add_key_length(D)
    writer.add_value_length(D)
    writer.add_rope_dimension_count(D)
    writer.add_rope_freq_base(50000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL] * 3 + [TokenType.NORMAL] * (len(tokens) - 3))
    writer.add_token_merges(merges)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_chat_template("{{ messages[0]['content'] }}")
    writer.add_uint8("test.u8", 200)
    writer.add_int8("test.i8", -100)
    writer.add_uint16("test.u16", 60000)
    writer.add_int16("test.i16", -30000)
    writer.add_uint32("test.u32", 4000000000)
    writer.add_int32("test.i32", -2000000000)
    writer.add_uint64("test.u64", 2**53)
    writer.add_int64("test.i64", -(2**40))
    writer.add_float32("test.f32", 0.1)
    writer.add_float64("test.f64", 0.1)
    writer.add_bool("test.bool", True)
    writer.add_string("test.string", "žluťoučký 🐎")
    writer.add_array("test.floats", [0.5, -1.25])
    writer.add_array("test.strings", ["", "a", "bc"])
    for name, rows, cols, kind in [("token_embd.weight", len(tokens), E, "Q8_0"), *TENSORS]:
        values = generator.standard_normal((rows, cols) if rows else (cols,)).astype(np.float32)
        if ".attn_q." in name or ".attn_k." in name:
            values = permute(values, H if ".attn_q." in name else G)
        quantisation = GGMLQuantizationType[kind]
        if kind == "F32":
            writer.add_tensor(name, values)
        else:
            data = quants.quantize(values, quantisation)
            writer.add_tensor(name, data, raw_dtype=quantisation)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def digest(values: np.ndarray) -> str:
    # + 0 turns −0 into 0: packs store an offset instead of Q4_0's sign.
    return hashlib.sha256(np.ascontiguousarray(values + np.float32(0), dtype="<f4").tobytes()).hexdigest()


def main() -> None:
    generator = np.random.default_rng(11)
    path = HERE / "llama.gguf"
    write_gguf(path, generator)

    config = LlamaConfig(
        hidden_size=E, intermediate_size=F, num_hidden_layers=LAYERS, num_attention_heads=H, num_key_value_heads=G,
        head_dim=D, vocab_size=263, tie_word_embeddings=True,
    )
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    state = load_gguf_checkpoint(str(path), return_tensors=True, model_to_load=model)["tensors"]
    names = {name for name, _ in model.named_parameters()}
    tensors = {name: digest(tensor.float().numpy()) for name, tensor in sorted(state.items()) if name in names}
    assert set(tensors) == names, names ^ set(tensors)
    metadata = {
        field.name: field.contents()
        for field in GGUFReader(path).fields.values()
        if not field.name.startswith(("GGUF.", "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"))
    }
    (HERE / "llama.json").write_text(json.dumps({"metadata": metadata, "tensors": tensors}, indent=1) + "\n")

    values = torch.tensor([[0.0, -0.0, 1.0], [-2.5, 65504.0, 6e-8]])
    save_file(
        {
            "f32": values,
            "f16": values.to(torch.float16),
            "bf16": values.to(torch.bfloat16),
            "u8": torch.arange(5, dtype=torch.uint8),
            "empty": torch.zeros((0, 4)),
        },
        HERE / "dtypes.safetensors",
        metadata={"format": "pt"},
    )


if __name__ == "__main__":
    main()
