"""Golden logits, texts and gradients of a tiny model of each architecture, by transformers in float64.

    npm run suite golden    (OUTRIDER_PYTHON names a Python with torch and transformers)

Writes forward.json beside this file. Weights are not stored: both sides make them from the tensors' names
(weights() here, test/support/seeded-model.ts there). Every value is one that the weight format q8 holds exactly.
"""

import json
import pathlib

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

HERE = pathlib.Path(__file__).parent
PROMPT, WRITTEN, POSITIONS, SAMPLES = 12, 28, 4, 4
# The text must not hang on the last bits of a logit.
MARGIN = 0.1

COMMON = {
    "hidden_act": "silu",
    "num_hidden_layers": 2,
    "vocab_size": 96,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-6,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
SCALED = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
CASES = {
    "llama": {
        "model_type": "llama",
        "hidden_size": 96,
        "intermediate_size": 160,
        "num_attention_heads": 3,
        "num_key_value_heads": 1,
        "tie_word_embeddings": True,
        "rope_theta": 10000.0,
    },
    "llama 3, heads of a size of their own, untied": {
        "model_type": "llama",
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 64,
        "tie_word_embeddings": False,
        "rope_theta": 500.0,
        "rope_scaling": {**SCALED, "original_max_position_embeddings": 32},
    },
    "mistral, whose window ends the context": {
        "model_type": "mistral",
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "sliding_window": 40,
        "tie_word_embeddings": False,
        "rope_theta": 10000.0,
    },
    "qwen2": {
        "model_type": "qwen2",
        "hidden_size": 448,
        "intermediate_size": 192,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "use_sliding_window": False,
        "sliding_window": 16,
        "tie_word_embeddings": True,
        "rope_theta": 1000000.0,
    },
    "qwen3": {
        "model_type": "qwen3",
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "head_dim": 128,
        "tie_word_embeddings": False,
        "rope_theta": 1000000.0,
    },
}


def draws(name: str, seed: int, count: int) -> np.ndarray:
    """`count` outputs of mulberry32, whose seed is the FNV-1a hash of the name, plus `seed`."""
    state = 0x811C9DC5
    for byte in name.encode():
        state = ((state ^ byte) * 0x01000193) & 0xFFFFFFFF
    with np.errstate(over="ignore"):
        steps = np.arange(1, count + 1, dtype=np.uint32) * np.uint32(0x6D2B79F5)
        s = np.uint32((state + seed) & 0xFFFFFFFF) + steps
        t = (s ^ (s >> np.uint32(15))) * (s | np.uint32(1))
        t ^= t + (t ^ (t >> np.uint32(7))) * (t | np.uint32(61))
        return t ^ (t >> np.uint32(14))


def weights(name: str, shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """Whole numbers of at most 127, times a power of two; the first of each 32 columns is the largest."""
    drawn = draws(name, seed, int(np.prod(shape))).astype(np.int64)
    n = drawn % 255 - 127
    if len(shape) == 1:
        values = n / 32 if name.endswith(".bias") else 1 + n / 256
    else:
        n = n.reshape(shape)
        n[:, ::32] = np.where(drawn.reshape(shape)[:, ::32] >> 31, 127, -127)
        values = n / (128 if name in ("model.embed_tokens.weight", "lm_head.weight") else 512)
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def model_of(config: dict, seed: int):
    kind = config["model_type"]
    made = AutoConfig.for_model(**{**COMMON, **config})
    assert made.model_type == kind
    model = AutoModelForCausalLM.from_config(made, attn_implementation="eager").double().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weights(name, tuple(parameter.shape), seed))
    return model


def write(model, prompt: list[int]) -> tuple[list[int], float]:
    """The greedy continuation, and the smallest distance of a chosen token to the next best."""
    text, margin = list(prompt), float("inf")
    for _ in range(WRITTEN):
        with torch.no_grad():
            best = model(torch.tensor([text])).logits[0, -1].topk(2)
        margin = min(margin, (best.values[0] - best.values[1]).item())
        text.append(best.indices[0].item())
        if margin < MARGIN:
            break
    return text[len(prompt) :], margin


def rounded(values) -> list[float]:
    return [float(f"{value:.7e}") for value in values]


def golden(config: dict) -> dict:
    for seed in range(1000):
        model = model_of(config, seed)
        prompt = (draws("prompt", seed, PROMPT) % 96).tolist()
        written, margin = write(model, prompt)
        if margin >= MARGIN and len(set(written)) >= WRITTEN // 4:
            break
    else:
        raise SystemExit("no seed keeps its distance")
    tokens = torch.tensor([[*prompt, *written]])
    logits = model(tokens).logits[0]
    loss = torch.nn.functional.cross_entropy(logits[:-1], tokens[0, 1:])
    loss.backward()
    gradients = {}
    for name, parameter in model.named_parameters():
        gradient = parameter.grad.flatten()
        at = [(2 * n + 1) * gradient.numel() // (2 * SAMPLES) for n in range(SAMPLES)]
        gradients[name] = {"norm": rounded([gradient.norm().item()])[0], "at": at, "values": rounded(gradient[at].tolist())}
    places = [len(tokens[0]) * (n + 1) // POSITIONS - 1 for n in range(POSITIONS)]
    return {
        "config": {**COMMON, **config},
        "seed": seed,
        "prompt": prompt,
        "written": written,
        "loss": loss.item(),
        "logits": [{"position": place, "values": rounded(logits[place].tolist())} for place in places],
        "gradients": gradients,
    }


def main() -> None:
    made = {}
    for name, config in CASES.items():
        made[name] = golden(config)
        print(name, "seed", made[name]["seed"], "loss", made[name]["loss"], flush=True)
    (HERE / "forward.json").write_text(json.dumps(made, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
