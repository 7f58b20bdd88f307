"""Answers long prompts with the default pair's target, greedily, in bf16 on one thread, and keeps what is answered.

    node test/bench/long/ask.ts > prompts.jsonl
    OMP_NUM_THREADS=1 python test/bench/long/record.py prompts.jsonl SmolLM2-135M-Instruct.Q4_1.gguf

Needs torch, transformers and gguf. Writes answers.jsonl.gz beside this file; prompts that it has are not asked again.
A prompt of 8,000 tokens takes half a minute of a core with AMX.
"""

import gzip
import json
import os
import sys
import time

import torch
from transformers import AutoModelForCausalLM, GgufConfig

ANSWERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "answers.jsonl.gz")
ANSWER_TOKENS = 96
SLICE = 512


@torch.inference_mode()
def answer(model, prompt, ends):
    cache = None
    for at in range(0, len(prompt), SLICE):
        ids = torch.tensor([prompt[at : at + SLICE]])
        out = model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache = out.past_key_values
    tokens = []
    while True:
        tokens.append(int(out.logits[0, -1].argmax()))
        if len(tokens) == ANSWER_TOKENS or tokens[-1] in ends:
            return tokens
        out = model(torch.tensor([tokens[-1:]]), past_key_values=cache, use_cache=True)
        cache = out.past_key_values


def main(prompts, gguf):
    torch.set_num_threads(1)
    folder, file = os.path.split(os.path.abspath(gguf))
    dense = GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=file, quantization_config=dense, dtype=torch.bfloat16
    ).eval()
    lines = []
    if os.path.exists(ANSWERS):
        with gzip.open(ANSWERS, "rt") as kept:
            lines = kept.read().splitlines()
    known = {tuple(json.loads(line)["prompt"]) for line in lines}
    with open(prompts) as asked:
        wanted = [json.loads(line) for line in asked]
    for each in wanted:
        if tuple(each["prompt"]) in known:
            continue
        started = time.time()
        each["answer"] = answer(model, each["prompt"], {2})
        lines.append(json.dumps(each, separators=(",", ":")))
        with open(ANSWERS, "wb") as out, gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as kept:
            kept.write(("\n".join(lines) + "\n").encode())
        print(each["kind"], len(each["prompt"]), len(each["answer"]), f"{time.time() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
