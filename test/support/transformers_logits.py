"""Logits of a checkpoint by transformers in f32, for test/real/export-hf.test.ts.

    python transformers_logits.py DIRECTORY TEXT < tokens.json

Reads lists of token ids. Writes {"text": ids of TEXT by the checkpoint's tokenizer,
"logits": base64 f32 (windows, T, V)}.
"""

import base64
import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

directory, text = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
tokenizer = AutoTokenizer.from_pretrained(directory)
with torch.no_grad():
    logits = model(torch.tensor(json.load(sys.stdin))).logits
data = base64.b64encode(logits.numpy().astype("<f4").tobytes()).decode()
json.dump({"text": tokenizer.encode(text, add_special_tokens=False), "logits": data}, sys.stdout)
