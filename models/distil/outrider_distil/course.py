"""
One course of teaching (distil.py): batches, the loss on each, checkpoints, and scores on held-out lines.
"""

import argparse
import json
import math
import shutil
import time
from functools import partial

import torch
from torch import nn
from torch.nn.utils import parametrize

from . import corpus, quantise, vocabulary
from . import student as models
from .compiled import UNIT, Blocks, lacking
from .held_out import chosen, scored
from .loss import at_head, at_temperature
from .meanings import Meanings
from .teacher import Teacher

CHECKPOINT = "checkpoint.pt"
# Highest learning rate of norms and biases beside fixed weights, as a share of their root mean square.
VECTOR_RATE = 2e-3


class Course:
    def __init__(self, args: argparse.Namespace):
        self.args = args
        self.device = models.pick_device()
        torch.manual_seed(args.seed)
        if args.teacher and args.learn == "text":
            raise SystemExit("--learn text learns from the text alone: leave out --teacher")
        if args.fix_weights and (args.lora or not args.quantise):
            raise SystemExit(
                f"--fix-weights {'leaves no weight to adapt: leave out --lora' if args.lora else 'needs --quantise'}"
            )
        if args.quantise and not args.fix_weights and not quantise.learns(args.quantise):
            raise SystemExit(f"--quantise: the weights of {args.quantise} do not learn: add --fix-weights")
        lines = self.learnable(corpus.read(args.text, "train", args.longest))
        self.lines = [line for line in lines if not (args.no_loops and corpus.loops(line.answer))]
        self.held_out = chosen(corpus.read(args.text, "held-out", args.longest), args.score_lines)
        self.student = models.load(args.student, self.device)
        size = self.student.config.vocab_size
        tokenizer = args.student / "tokenizer.json"
        self.vocabulary = (
            vocabulary.trimmed(args.text, tokenizer, size, args.head) if args.head else vocabulary.whole(size)
        )
        self.vocabulary = self.vocabulary.to(self.device)
        self.teacher = Teacher(args.teacher, self.device, self.vocabulary, args.compile) if args.teacher else None
        if args.rows_from:
            target = models.load(args.rows_from, self.device)
            lent = models.copy_missing_rows(self.student, target, vocabulary.last_pieces(tokenizer, size))
            print(f"{lent} rows begin as the target's", flush=True)
        self.before = models.trim(self.student, self.vocabulary.kept)
        if args.lora:
            models.add_lora(self.student)
        if args.quantise:
            config, first = self.student.config, self.student.model.layers[0].self_attn
            widths = config.hidden_size, first.o_proj.in_features, config.intermediate_size
            quantise.refuse_unfit(args.quantise, *widths)
            quantise.quantise(self.student, args.quantise, args.quantise_vocabulary)
        if args.compile:
            for model in [self.student] + ([self.teacher.model] if self.teacher else []):
                why = lacking(model.config, args.longest)
                if why:
                    raise SystemExit(f"--compile: {why}; leave it out")
            quantise.compile_rounding(self.student.model.layers)
            self.states = Blocks(self.student).states
        else:
            self.states = partial(models.states, self.student)
        if args.fix_weights:
            quantise.fix(self.student.model.layers)
        self.optimizer = torch.optim.AdamW(self.parts(), lr=args.rate, betas=(0.9, 0.95), weight_decay=0.01, fused=True)
        self.step, self.seconds, self.trained = 0, 0.0, 0
        self.warm_from = 0  # step at which the optimizer began
        # Of equally long batches all have one shape where blocks are compiled.
        self.unit, self.least = (UNIT, args.tokens) if args.compile else (1, 0)
        self.steps = math.ceil(args.epochs * len(corpus.epoch(self.lines, args.tokens, args.seed, self.unit)))
        args.out.mkdir(parents=True, exist_ok=True)
        self.checkpoint = args.out / CHECKPOINT
        if self.checkpoint.exists():
            self.resume()

    def learnable(self, lines: list[corpus.Line]) -> list[corpus.Line]:
        """Those that have predictions, or all where a teacher makes them."""
        known = lines if self.args.teacher else [line for line in lines if len(line.predicted) > 0]
        if not known:
            raise SystemExit(
                f"none of the {len(lines)} lines to train on has been taught: "
                "run outrider_distil.teach on the same --text, or name a --teacher"
            )
        if len(known) < len(lines):
            print(f"{len(lines) - len(known)} of {len(lines)} lines have not been taught and are left out", flush=True)
        return known

    def parts(self) -> list[dict[str, object]]:
        """What learns, in groups for the optimizer; `share`: of --rate."""
        named = {name: weight for name, weight in self.student.named_parameters() if weight.requires_grad}
        ends = ("norm.weight", ".bias") if self.args.fix_weights else ()
        vectors = [named.pop(name) for name in list(named) if name.endswith(ends)]
        return [
            {"params": list(named.values()), "share": 1},
            *(
                {"params": [vector], "share": VECTOR_RATE * size_of(vector) / self.args.rate, "weight_decay": 0}
                for vector in vectors
            ),
        ]

    def resume(self) -> None:
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.student.load_state_dict(state["student"])
        if "optimizer" in state:
            self.optimizer.load_state_dict(state["optimizer"])
        else:
            self.warm_from = state["step"]
        self.step, self.seconds, self.trained = state["step"], state["seconds"], state["trained"]
        print(f"goes on at step {self.step}", flush=True)

    def save(self) -> None:
        state = {"student": self.student.state_dict()}
        if self.args.small_checkpoints:
            state["student"] = {name: smaller(weight) for name, weight in state["student"].items()}
        else:
            state["optimizer"] = self.optimizer.state_dict()
        partial = self.checkpoint.with_suffix(".partial")
        torch.save({**state, "step": self.step, "seconds": self.seconds, "trained": self.trained}, partial)
        partial.replace(self.checkpoint)

    def average(self) -> None:
        """
        Writes the mean of runs that began from the same weights and saw their batches in different orders. The mean
        is better than each of them (model soups, Wortsman et al. 2022, arXiv 2203.05482). Of quantised runs it is the
        mean of the codebooks and of the float weights behind them, because rounded weights have no useful mean.
        """
        runs = [
            torch.load(run / CHECKPOINT, map_location=self.device, weights_only=True)["student"]
            for run in self.args.mean_of
        ]
        mean = {name: sum(run[name].float() for run in runs) / len(runs) for name in runs[0]}
        self.student.load_state_dict(mean)
        print(json.dumps(self.score()), flush=True)
        self.export()

    def progress(self) -> float:
        """From 0 to 1, by steps or by time, whichever is further."""
        return min(1.0, max(self.step / self.steps, self.seconds / (60 * self.args.minutes)))

    def rate(self) -> float:
        """Linear warm-up, then half a cosine down to a tenth of --rate."""
        warm = min(1.0, (self.step - self.warm_from + 1) / self.args.warmup)
        return self.args.rate * warm * (0.55 + 0.45 * math.cos(math.pi * self.progress()))

    def learn(self, batch: corpus.Batch) -> float:
        self.student.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate() * group["share"]
        tokens, logs = batch.tokens, at_temperature(batch.logs, self.args.teacher_temperature)
        if self.args.learn == "text":
            tokens = batch.ids.roll(-1, 1)[batch.taught][:, None]
            logs = torch.zeros(tokens.shape, device=tokens.device)
        with parametrize.cached():
            with models.autocast(self.device):
                states = self.states(self.vocabulary.read(batch.ids), batch.taught)
            loss = at_head(
                states,
                models.head(self.student),
                Meanings(self.vocabulary, batch.ids, batch.taught).rows(tokens),
                logs,
                self.args.acceptance,
                torch.where(batch.answered[batch.taught], 1.0, self.args.prompts),
                models.product_type(self.device),
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        self.optimizer.step()
        return loss.item()

    def score(self) -> dict[str, object]:
        with models.autocast(self.device), parametrize.cached():
            return scored(self.student, self.vocabulary, self.held_out)

    def run(self) -> None:
        # Epochs differ by a batch or two in length, because their lines are grouped otherwise.
        epoch, first = 0, 0
        while self.progress() < 1:
            groups = corpus.epoch(self.lines, self.args.tokens, self.args.seed + epoch, self.unit)
            epoch, first, skip = epoch + 1, first + len(groups), max(0, self.step - first)
            for group in groups[skip:]:
                if self.progress() >= 1:
                    break
                began = time.monotonic()
                batch = corpus.padded(group, self.unit, self.least).to(self.device)
                if self.teacher:
                    batch = self.teacher.judged(batch)
                loss = self.learn(batch)
                self.seconds += time.monotonic() - began
                self.step += 1
                self.trained += int(batch.taught.sum())
                if self.step % self.args.score_every == 0 or self.progress() >= 1:
                    self.report(
                        {
                            "step": self.step,
                            "loss": round(loss, 4),
                            "minutes": round(self.seconds / 60, 1),
                            "tokens": self.trained,
                        }
                    )
                    self.save()
        self.export()

    def report(self, figures: dict[str, float]) -> None:
        line = json.dumps({**figures, **self.score()})
        print(line, flush=True)
        with open(self.args.out / "curve.jsonl", "a") as curve:
            curve.write(f"{line}\n")

    def export(self) -> None:
        """A Hugging Face checkpoint in f32, which `outrider squeeze --model` reads."""
        quantise.settle(self.student.eval())
        models.widen(self.student, self.vocabulary.kept, self.before)
        self.student.save_pretrained(self.args.out)
        # Copied unchanged: transformers would write them in another form.
        for file in self.args.student.glob("tokenizer*.json"):
            shutil.copy(file, self.args.out)


def size_of(vector: torch.Tensor) -> float:
    """Root mean square."""
    return vector.detach().square().mean().sqrt().item()


def smaller(weight: torch.Tensor) -> torch.Tensor:
    """Matrices in bf16; codebooks and vectors, which are few and of which a little is much, as they are."""
    return weight.bfloat16() if weight.ndim == 2 and weight.shape[1] > 16 else weight
