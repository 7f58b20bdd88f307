"""What transformers loads from checkpoints, for test/reference/architectures.test.ts.

    python transformers_state.py DIRECTORY…

Writes for each directory the class, the ends of an answer, the frequencies of RoPE, the names that the checkpoint lacks or has too
many, and SHA-256 of each tensor's f32 values.
"""

import hashlib
import json
import sys

import torch
from transformers import AutoModelForCausalLM


def state(directory: str) -> dict:
    model, loading = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, output_loading_info=True)
    values = {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}
    return {
        "class": type(model).__name__,
        "ends": model.config.eos_token_id,
        "frequencies": model.model.rotary_emb.inv_freq.tolist(),
        "missing": sorted(loading["missing_keys"]),
        "unexpected": sorted(loading["unexpected_keys"]),
        # + 0 turns −0 into 0.
        "tensors": {name: hashlib.sha256((array + 0).astype("<f4").tobytes()).hexdigest() for name, array in values.items()},
    }


json.dump([state(directory) for directory in sys.argv[1:]], sys.stdout)
