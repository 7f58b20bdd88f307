"""Golden argmaxes for test/qwen/argmax.test.ts: transformers in float32 on the values of a GGUF file.

    python test/golden/make_qwen_code.py <the GGUF file of Qwen2.5-Coder-0.5B-Instruct> TOKENIZER.json FILE…

Writes qwen_code.json beside this file: the first 250 tokens of each FILE of code, and after each of them the likeliest
next token. Takes 2.6 GB of memory.
"""

import json
import pathlib
import sys

import torch
from gguf_llama import load_gguf_llama
from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).parent
WINDOW = 250


def main(gguf: str, tokenizer_json: str, files: list[str]) -> None:
    tokenizer = Tokenizer.from_file(tokenizer_json)
    model = load_gguf_llama(gguf)
    windows = []
    with torch.no_grad():
        for file in files:
            text = pathlib.Path(file).read_text(encoding="utf-8")
            ids = tokenizer.encode(text, add_special_tokens=False).ids[:WINDOW]
            logits = model(torch.tensor([ids])).logits[0]
            two = logits.topk(2).values
            windows.append(
                {
                    "file": pathlib.Path(file).name,
                    "tokens": ids,
                    "argmax": logits.argmax(-1).tolist(),
                    "near": (two[:, 0] - two[:, 1] < 0.02).sum().item(),
                }
            )
            print(file, len(ids), flush=True)
    golden = {"gguf": pathlib.Path(gguf).name, "windows": windows}
    (HERE / "qwen_code.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
