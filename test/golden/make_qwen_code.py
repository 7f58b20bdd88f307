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
    texts = {pathlib.Path(file).name: pathlib.Path(file).read_text(encoding="utf-8") for file in files}
    tokens = {name: tokenizer.encode(text, add_special_tokens=False).ids[:WINDOW] for name, text in texts.items()}
    model = load_gguf_llama(gguf)
    windows = []
    with torch.no_grad():
        for name, ids in tokens.items():
            argmax = model(torch.tensor([ids])).logits[0].argmax(-1).tolist()
            windows.append({"file": name, "tokens": ids, "argmax": argmax})
            print(name, len(ids), flush=True)
    golden = {"gguf": pathlib.Path(gguf).name, "windows": windows}
    (HERE / "qwen_code.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
