"""The GGUF files that `npm run bench engine` gives its peers, from the Q4_1 file of the model.

    python make_ggufs.py MODEL.Q4_1.gguf DIRECTORY

Writes full-q4_0.gguf and full-q8_0.gguf (dequantised and quantised again by the gguf package), and cut-q4_0.gguf and
cut-q4_1.gguf: the drafter's shape, the first 12 blocks and the first 16,384 tokens. The embedding, which is the head
too, stays Q8_0 in all of them, as it is in the model's file; full-q8_0 is Q8_0 throughout. Their speed is what they
are for: nobody reads what a model of the first 12 blocks writes.
"""

import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader, GGUFValueType, GGUFWriter, LlamaFileType, dequantize, quantize

CUT_LAYERS = 12
CUT_TOKENS = 16384
EMBEDDING = "token_embd.weight"
FILE_TYPE = {
    Type.Q4_0: LlamaFileType.MOSTLY_Q4_0,
    Type.Q4_1: LlamaFileType.MOSTLY_Q4_1,
    Type.Q8_0: LlamaFileType.MOSTLY_Q8_0,
}


def in_vocabulary(merges: list[str], tokens: list[str]) -> list[str]:
    """The merges that make one kept token of two."""
    kept = set(tokens)
    pieces = (merge.split(" ") for merge in merges)
    return [f"{left} {right}" for left, right in pieces if {left, right, left + right} <= kept]


def write(reader: GGUFReader, path: Path, kind: Type, layers: int, vocabulary: int) -> None:
    """One file: blocks below `layers`, ids below `vocabulary`, matrices as `kind`. Whole or not at all."""
    fields = {name: field for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    values = {name: field.contents() for name, field in fields.items()}
    tokens = values["tokenizer.ggml.tokens"][:vocabulary]
    values |= {
        "general.file_type": int(FILE_TYPE[kind]),
        "llama.block_count": layers,
        "llama.vocab_size": vocabulary,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": values["tokenizer.ggml.token_type"][:vocabulary],
        "tokenizer.ggml.merges": in_vocabulary(values["tokenizer.ggml.merges"], tokens),
    }
    part = path.with_suffix(".part")
    writer = GGUFWriter(part, values.pop("general.architecture"))
    for name, value in values.items():
        kind_of_value = fields[name].types[0]
        of_items = fields[name].types[1] if kind_of_value == GGUFValueType.ARRAY else None
        writer.add_key_value(name, value, kind_of_value, of_items)

    for tensor in reader.tensors:
        block = int(tensor.name.split(".")[1]) if tensor.name.startswith("blk.") else 0
        if block >= layers:
            continue
        data, stored = tensor.data, tensor.tensor_type
        if tensor.name == EMBEDDING:
            data = data[:vocabulary]
        elif stored not in (kind, Type.F32):
            data, stored = quantize(np.array(dequantize(data, stored)), kind), kind
        writer.add_tensor(tensor.name, np.ascontiguousarray(data), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.rename(path)


if __name__ == "__main__":
    source, directory = sys.argv[1:]
    model = GGUFReader(source)
    folder = Path(directory)
    whole = (model.fields["llama.block_count"].contents(), model.fields["llama.vocab_size"].contents())
    for name, kind, shape in (
        ("full-q4_0", Type.Q4_0, whole),
        ("full-q8_0", Type.Q8_0, whole),
        ("cut-q4_0", Type.Q4_0, (CUT_LAYERS, CUT_TOKENS)),
        ("cut-q4_1", Type.Q4_1, (CUT_LAYERS, CUT_TOKENS)),
    ):
        write(model, folder / f"{name}.gguf", kind, *shape)
