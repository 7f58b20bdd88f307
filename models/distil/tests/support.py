"""What several tests are made of: a tiny model with a tokenizer, and lines of text."""

import json
import random
import sys
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from outrider_distil import compiled, corpus

ROOT = Path(__file__).parents[3]
LETTERS, VOCABULARY = 26, 50
NOTHING = np.empty(0, corpus.PREDICTION)
ONES = torch.ones(6)
# Of the prompts [0] to [99], what `splitOf` of src/tools/corpus/line.ts holds out.
HELD_OUT = [27, 44, 57, 61, 81, 88, 89, 90]
# Of a model of two blocks.
SHAPE = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
if not compiled.has_compiler():
    print("no C++ compiler here: --compile is NOT tested", file=sys.stderr)


def llama(layers: int) -> LlamaForCausalLM:
    torch.manual_seed(layers)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            tie_word_embeddings=True,
            max_position_embeddings=128,
            pad_token_id=VOCABULARY - 1,
        )
    )


def save_tokenizer(home: Path) -> None:
    """Letters, and twenty-four pairs of them: token 26 + n is letters n and n + 1."""
    names = [chr(97 + n) for n in range(LETTERS)]
    merges = [(names[n], names[n + 1]) for n in range(VOCABULARY - LETTERS)]
    words = {name: n for n, name in enumerate([*names, *map("".join, merges)])}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(BPE(words, merges)), eos_token="a")
    tokenizer.chat_template = "b{% for message in messages %}{{ message['content'] }}a{% endfor %}"
    tokenizer.save_pretrained(home)


def write_lines(file: Path, written: list[corpus.Line]) -> None:
    file.write_text("".join(json.dumps({"prompt": line.prompt, "answer": line.answer}) + "\n" for line in written))


def likeliest_logs(logits: torch.Tensor) -> np.ndarray:
    return logits.log_softmax(-1).topk(corpus.TOP).values.numpy()


def lines(count: int, seed: int = 0) -> list[corpus.Line]:
    rng = random.Random(seed)

    def ids(least: int, most: int) -> list[int]:
        return [rng.randrange(VOCABULARY) for _ in range(rng.randint(least, most))]

    return [corpus.Line(ids(2, 9), ids(4, 20), 0.0, NOTHING) for _ in range(count)]
