import copy
import random
import unittest
from collections.abc import Iterator
from unittest import mock

import numpy as np
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, PreTrainedModel, Qwen2Config, Qwen3Config

from outrider_distil import compiled, decoder, student

from .support import SHAPE


class Architectures(unittest.TestCase):
    """The decoder against transformers, for what each architecture adds."""

    def models(self) -> Iterator[tuple[str, PreTrainedModel]]:
        scaled = {
            "rope_type": "llama3",
            "rope_theta": 1e4,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 16,
        }
        untied, tied = {"tie_word_embeddings": False}, {"tie_word_embeddings": True}
        for config in (
            LlamaConfig(**SHAPE, **untied, head_dim=16, rope_parameters=scaled),
            MistralConfig(**SHAPE, **untied, head_dim=16, sliding_window=None),
            Qwen2Config(**SHAPE, **tied),
            Qwen3Config(**SHAPE, **tied, head_dim=16),
        ):
            torch.manual_seed(5)
            model = AutoModelForCausalLM.from_config(config).eval()
            for name, weight in model.named_parameters():
                # Biases begin as zeros and norms as ones, which would hide a part that is not applied.
                if weight.ndim == 1:
                    torch.nn.init.normal_(weight, mean=float("norm" in name), std=0.3)
                elif "proj" in name or "embed" in name or "head" in name:
                    torch.nn.init.normal_(weight, std=0.15)
            yield config.model_type, model

    def test_are_computed_as_transformers_does(self):
        rng = random.Random(4)
        texts = [[rng.randrange(300) for _ in range(length)] for length in (30, 21, 2)]
        for name, model in self.models():
            with self.subTest(name), torch.no_grad():
                wanted = [model(torch.tensor([text])).logits[0, :-1].log_softmax(-1) for text in texts]
                greedy = model.generate(torch.tensor([texts[0]]), max_new_tokens=9, do_sample=False, eos_token_id=None)
                plain = copy.deepcopy(model)
                for products, most in ((torch.float32, 2e-3), (torch.bfloat16, 0.15)):
                    taken = decoder.Decoder(copy.deepcopy(plain), products)
                    for predicted, logs in zip(decoder.judge(taken, texts), wanted):
                        likeliest = logs.gather(1, torch.from_numpy(predicted["token"].astype(np.int64))).numpy()
                        self.assertLess(np.abs(likeliest - predicted["log"].astype("f4")).max(), most)
                    if products == torch.float32:
                        first, _ = decoder.write(taken, texts[:2], [0, 1], 9, (), torch.Generator().manual_seed(0))
                        self.assertEqual(first.written, greedy[0, 30:].tolist())

    def test_blocks_to_be_compiled_compute_and_learn_the_same(self):
        ids = torch.randint(0, 300, (3, 40), generator=torch.Generator().manual_seed(1))
        at = torch.rand(3, 40, generator=torch.Generator().manual_seed(2)) < 0.7
        for name, model in self.models():
            with (
                self.subTest(name),
                mock.patch.object(torch, "compile", lambda function, **_: function),
                mock.patch.object(student, "has_bf16", return_value=False),
                # Two chunks of queries and a part of one.
                mock.patch.object(compiled, "CHUNK", 16),
            ):
                wanted = student.states(model, ids, at)
                blocks = compiled.Blocks(model)
                states = blocks.states(ids, at)
                self.assertLess((states - wanted).abs().max().item(), 1e-4)
                weights = [weight for weight in model.parameters() if weight is not student.head(model)]
                gradients = (torch.autograd.grad(part.square().sum(), weights) for part in (states, wanted))
                for mine, theirs in zip(*gradients):
                    self.assertLess((mine - theirs).abs().max().item(), 1e-4 * max(1, theirs.abs().max().item()))
