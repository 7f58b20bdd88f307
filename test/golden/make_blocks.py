"""Golden blocks for test/model/blocks.test.ts, by the `gguf` package.

    python test/golden/make_blocks.py

Writes blocks.json beside this file. For every type: the bytes of 512 seeded normal values as `gguf` quantises them
(where it can), then 512 values' worth of random bits with small finite scales, and what `gguf` dequantises both to.
"""

import base64
import json
import pathlib

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

HERE = pathlib.Path(__file__).parent
VALUES = 512
TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q6_K", "Q2_K", "Q3_K", "Q5_K", "IQ4_NL", "IQ4_XS"]
# Byte offsets of the f16 scales in a block; random bits there would give infinities.
SCALES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2],
    "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0],
}


def random_blocks(generator: np.random.Generator, name: str) -> np.ndarray:
    values, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    if name in ("F32", "F16", "BF16"):
        # Every exponent but the one of infinities and NaN.
        bits = generator.integers(0, 256, (VALUES, size), dtype=np.uint8)
        bits[:, -1] &= 0xBB
        return bits.reshape(-1)
    blocks = generator.integers(0, 256, (VALUES // values, size), dtype=np.uint8)
    for offset in SCALES[name]:
        scale = (generator.standard_normal(len(blocks)) * 0.01).astype(np.float16)
        blocks[:, offset : offset + 2] = scale.view(np.uint8).reshape(-1, 2)
    return blocks.reshape(-1)


def main() -> None:
    generator = np.random.default_rng(7)
    golden = {}
    for name in TYPES:
        kind = GGMLQuantizationType[name]
        values, size = GGML_QUANT_SIZES[kind]
        rows = []
        try:
            normal = generator.standard_normal(VALUES).astype(np.float32).reshape(1, VALUES)
            rows.append(quants.quantize(normal, kind).view(np.uint8).reshape(-1))
        except NotImplementedError:
            pass
        rows.append(random_blocks(generator, name))
        data = np.concatenate(rows)
        shaped = data.reshape(-1, size * VALUES // values)
        if name == "F32":
            decoded = data.view(np.float32)
        elif name == "F16":
            decoded = data.view(np.float16).astype(np.float32)
        else:
            decoded = quants.dequantize(shaped, kind)
        golden[name] = {
            "id": int(kind),
            "values": values,
            "bytes": size,
            "data": base64.b64encode(data.tobytes()).decode(),
            "decoded": base64.b64encode(np.ascontiguousarray(decoded, dtype="<f4").tobytes()).decode(),
        }
    (HERE / "blocks.json").write_text(json.dumps(golden, indent=1) + "\n")


main()
