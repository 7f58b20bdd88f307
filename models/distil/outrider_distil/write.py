"""
Has a target write text, as `outrider corpus` does, in large batches with PyTorch.

    python -m outrider_distil.write --target DIR --out FILE.jsonl (--prompts QUESTIONS.jsonl | --self) [--minutes 30]

--target is a Hugging Face checkpoint. QUESTIONS has lines {"turns": [text, …]}, which ask.ts makes, or {"prompt": ids},
such as those of code.ts: the target goes on with these as they are, a beginning or a gap to fill. With --self the
target writes its own questions: it continues an empty user turn at temperature 1 (Magpie: Xu et al. 2024, arXiv
2406.08464). Lines are added to FILE until time or questions run out. The same command goes on after an interruption: a
question that FILE answers is not asked again. The target's predictions at each position are known by then, so they are
written to FILE.taught as teach.py would write them.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer

from . import argument, corpus
from . import student as models
from .decoder import Decoder, write
from .memory import keep_freed
from .teach import teach


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=argument.checkpoint, required=True)
    parser.add_argument("--out", type=Path, required=True)
    questions = parser.add_mutually_exclusive_group(required=True)
    questions.add_argument("--prompts", type=argument.file)
    questions.add_argument("--self", action="store_true")
    parser.add_argument("--temperature", default="0,0.7,1", help="questions are answered at these in turn")
    parser.add_argument("--max-tokens", type=argument.count, default=192, help="of an answer")
    parser.add_argument(
        "--longest", type=argument.count, default=640, help="tokens of a prompt; a conversation that is longer ends"
    )
    parser.add_argument("--batch", type=argument.count, default=96)
    parser.add_argument("--minutes", type=argument.not_negative, default=float("inf"))
    parser.add_argument(
        "--bf16",
        action="store_true",
        help="products in bf16: half the time where they are native, with slightly different predictions",
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


@dataclass
class Talk:
    """
    A conversation under way: the user turns still to come, and the messages so far; or token ids that the target goes
    on with.
    """

    turns: list[str]
    temperature: float
    messages: list[dict] = field(default_factory=list)
    split: str | None = None
    prompt: list[int] | None = None


class Run:
    def __init__(self, args: argparse.Namespace):
        self.args = args
        self.tokenizer = AutoTokenizer.from_pretrained(args.target)
        products = torch.bfloat16 if args.bf16 else torch.float32
        self.decoder = Decoder(models.load(args.target, models.pick_device(), products).eval(), products)
        self.draw = torch.Generator(self.decoder.head.device).manual_seed(args.seed)
        self.temperatures = [float(value) for value in args.temperature.split(",")]
        # A plain text ends with the token that fills up batches, where a chat's turn ends with another (Qwen).
        self.ends = {self.tokenizer.eos_token_id, self.tokenizer.pad_token_id}
        self.answered: set[tuple[int, ...]] = set()  # prompts in the file that is added to

    def ids(self, messages: list[dict]) -> list[int]:
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return self.tokenizer.encode(text, add_special_tokens=False)

    def own_questions(self) -> Iterator[str]:
        marker = "\u2063"
        text = self.tokenizer.apply_chat_template([{"role": "user", "content": marker}], tokenize=False)
        header = self.tokenizer.encode(text.split(marker)[0], add_special_tokens=False)
        while True:
            count = self.args.batch
            asked = write(
                self.decoder,
                [header] * count,
                [1.0] * count,
                self.args.max_tokens // 2,
                self.ends,
                self.draw,
                prompts_too=False,
            )
            for text in asked:
                turn = self.tokenizer.decode(text.written, skip_special_tokens=True).strip()
                if text.written[-1] in self.ends and turn:
                    yield turn

    def talks(self) -> Iterator[Talk]:
        if self.args.self:
            questions = ({"turns": [turn]} for turn in self.own_questions())
        else:
            listed = list(corpus.raw_lines(self.args.prompts, needs=()))
            random.Random(self.args.seed).shuffle(listed)
            questions = iter(listed)
        for n, asked in enumerate(questions):
            temperature = self.temperatures[n % len(self.temperatures)]
            turns, prompt = asked.get("turns", []), asked.get("prompt")
            if not turns and prompt is None:
                raise SystemExit(
                    f'{self.args.prompts}: a question must have "turns" or a "prompt", not {sorted(asked)}'
                )
            yield Talk(turns, temperature, prompt=prompt)

    def run(self) -> None:
        if self.args.out.exists():
            teach(self.decoder, self.args.out, 4096)
            self.answered = {tuple(raw["prompt"]) for raw in corpus.raw_lines(self.args.out)}
        began, tokens = time.monotonic(), 0
        talks, waiting, more = self.talks(), [], True
        # Questions of similar length, out of four batches of them, go together, so that little is padding. The
        # target's own questions are all short.
        pool = self.args.batch * (1 if self.args.self else 4)
        with open(self.args.out, "a") as out, open(corpus.taught_file(self.args.out), "ab") as taught:
            while time.monotonic() - began < 60 * self.args.minutes:
                while more and len(waiting) < pool:
                    talk = next(talks, None)
                    more = talk is not None
                    if more:
                        self.add(waiting, talk)
                if not waiting:
                    break
                waiting.sort(key=lambda pair: len(pair[1]))
                start = random.Random(tokens).randrange(max(1, len(waiting) - self.args.batch + 1))
                part = waiting[start : start + self.args.batch]
                del waiting[start : start + self.args.batch]
                prompts = [prompt for _, prompt in part]
                texts = write(
                    self.decoder,
                    prompts,
                    [talk.temperature for talk, _ in part],
                    self.args.max_tokens,
                    self.ends,
                    self.draw,
                )
                for (talk, prompt), text in zip(part, texts):
                    answer = text.written
                    tokens += len(answer)
                    line = {"prompt": prompt, "answer": answer, "temperature": talk.temperature, "split": talk.split}
                    out.write(json.dumps(line) + "\n")
                    taught.write(np.concatenate(text.predicted).tobytes())
                    talk.messages.append(
                        {"role": "assistant", "content": self.tokenizer.decode(answer, skip_special_tokens=True)}
                    )
                    if talk.turns:
                        self.add(waiting, talk)
                out.flush()
                taught.flush()
                print(f"{tokens} tokens, {tokens / (time.monotonic() - began):.0f}/s", flush=True)

    def add(self, waiting: list, talk: Talk) -> None:
        prompt = talk.prompt
        if prompt is None:
            talk.messages.append({"role": "user", "content": talk.turns[0]})
            talk.turns = talk.turns[1:]
            prompt = self.ids(talk.messages)
        talk.split = talk.split or corpus.split_of(prompt)
        if len(prompt) <= self.args.longest and tuple(prompt) not in self.answered:
            waiting.append((talk, prompt))


if __name__ == "__main__":
    keep_freed()
    Run(options()).run()
