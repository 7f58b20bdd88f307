"""Golden argmaxes of the real model: transformers in float32 on the weights that the gguf package dequantises.

usage: make_wikitext.py MODEL.gguf TOKENIZER.json TEXT.txt OUT.json
The text is cut into windows from its middle; the token ids are stored, so the text is not needed again.
"""

import json
import sys

import torch
from gguf_llama import load_gguf_llama
from tokenizers import Tokenizer

WINDOWS = 5
TOKENS = 512


def main(gguf: str, tokenizer_json: str, text: str, out: str) -> None:
    with open(text, encoding="utf-8") as file:
        ids = Tokenizer.from_file(tokenizer_json).encode(file.read(), add_special_tokens=False).ids
    model = load_gguf_llama(gguf)
    start = (len(ids) - WINDOWS * TOKENS) // 2
    windows = []
    with torch.no_grad():
        for index in range(WINDOWS):
            tokens = ids[start + index * TOKENS : start + (index + 1) * TOKENS]
            logits = model(torch.tensor([tokens])).logits[0]
            windows.append({"tokens": tokens, "argmax": logits.argmax(-1).tolist()})
    with open(out, "w", encoding="utf-8") as file:
        file.write(json.dumps({"windows": windows}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
