"""Golden outputs of the tiny model: transformers in float32 on the weights that the gguf package dequantises.

usage: make_tiny.py MODEL.gguf TOKENIZER.json KEPT OUT.json     KEPT: blocks of the draft, e.g. 0,1,4
"""

import copy
import json
import sys

import torch
from gguf_llama import load_gguf_llama
from tokenizers import Tokenizer

PROMPTS = [
    "An outrider rides ahead of the column.",
    "The captain decides",
    "How many marks should she leave? 12",
    "<|im_start|>user\nWhat is the lesson of the story?<|im_end|>\n<|im_start|>assistant\n",
    "schöne Grüße, 世界 🐎",
    " ".join(["The small one is quick because she is small. The large one is right because it decides."] * 8),
]
DECIDED = 64
TOP = 8


def keep_blocks(model, kept):
    draft = copy.deepcopy(model)
    draft.model.layers = torch.nn.ModuleList([draft.model.layers[layer] for layer in kept])
    for index, block in enumerate(draft.model.layers):
        block.self_attn.layer_idx = index
    draft.config.num_hidden_layers = len(kept)
    return draft


def greedy(model, prompt: list[int]) -> list[int]:
    """Every token from a whole forward pass without a cache: slow, and nothing to get wrong."""
    ids = list(prompt)
    while len(ids) < len(prompt) + DECIDED:
        ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(prompt) :]


def main(gguf: str, tokenizer_json: str, kept: str, out: str) -> None:
    tokenizer = Tokenizer.from_file(tokenizer_json)
    target = load_gguf_llama(gguf)
    models = {"target": target, "draft": keep_blocks(target, [int(layer) for layer in kept.split(",")])}
    cases = []
    with torch.no_grad():
        for text in PROMPTS:
            prompt = tokenizer.encode(text, add_special_tokens=False).ids
            case = {"text": text, "prompt": prompt}
            for name, model in models.items():
                answer = greedy(model, prompt)
                logits = model(torch.tensor([prompt + answer])).logits[0]
                # Positions of the timeline whose logits are compared: inside the prompt, its end, inside the answer.
                positions = sorted({0, len(prompt) // 2, len(prompt) - 1, len(prompt) + 7, len(prompt) + DECIDED - 1})
                rows = []
                for position in positions:
                    values, ids = logits[position].topk(TOP)
                    rows.append({"position": position, "ids": ids.tolist(), "logits": [round(v, 4) for v in values.tolist()]})
                two = logits[len(prompt) - 1 :].topk(2).values
                case[name] = {"answer": answer, "top": rows, "closest": round(float((two[:, 0] - two[:, 1])[:-1].min()), 4)}
            cases.append(case)
    with open(out, "w", encoding="utf-8") as file:
        file.write(json.dumps({"cases": cases}, ensure_ascii=False) + "\n")
    agree = [a == b for case in cases for a, b in zip(case["target"]["answer"], case["draft"]["answer"])]
    print(f"{len(cases)} prompts, {len(agree)} tokens; draft and target answers coincide on {sum(agree)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
