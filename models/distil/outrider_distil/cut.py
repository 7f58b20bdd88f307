"""
Cuts a model to fewer blocks, narrower MLPs and fewer heads of queries, and teaches each block that is left to give what
the whole model gives.

    python -m outrider_distil.cut --model DIR --text FILE.jsonl … --channels 768 --quantise q2had+q3had --out DIR

The residual stream of the whole model on some lines is computed once. Then, block by block: with --heads the heads of
queries that cost least are left out (heads.py); the channels of the MLP that weigh most in its output are kept; its
down projection is solved by least squares, so that the stream behind the block is that of the whole model at the next
kept block; with --quantise its matrices are rounded as a pack will round them (rounding.py, gptq.py), where the model
is not cut as well so that it loses little at its end (metric.py); and all its weights, in floats or rounded, learn the
same by gradient (block-wise training of EfficientQAT: Chen et al. 2024, arXiv 2407.11062, §3.2). Each block reads what
the taught blocks before it give, so later ones mend what earlier ones lost. It needs no predictions of a target, and is
where `distil` begins from. With --cut the blocks are those of a checkpoint that was cut from the model before; they are
only rounded, and learn on. A checkpoint whose MLPs are as narrow already is only rounded. Stop it with Ctrl-C: the same
command goes on behind the last finished block. While it works, OUT holds the streams, two bytes for each position,
block and channel.
"""

import argparse
import copy
import hashlib
import json
import math
import shutil
import time
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from . import argument, channels, heads, quantise
from . import student as models
from .block_learning import BlockLearning
from .compiled import SHAPES, block, lacking, unlike
from .groups import grouped
from .inside import Inside
from .least_squares import Solved, by_size, gram_of
from .line_choice import chosen, evenly
from .memory import keep_freed
from .rounding import Seen, round_block
from .whole import Whole

# Highest learning rates. A wide block in floats ends better at the lower one (docs/record/log.md).
RATE = 2e-4
ROUNDED_RATE = 5e-4
CUT = "cut.json"  # which blocks and channels a folder of finished blocks is of


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=argument.checkpoint, required=True)
    parser.add_argument("--text", type=argument.file, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--cut",
        type=argument.checkpoint,
        metavar="DIR",
        help="a checkpoint of the same widths that was cut from the model before",
    )
    parser.add_argument("--blocks", help="indices of the blocks that are kept, such as 0,1,3; absent: all")
    parser.add_argument("--channels", type=int, required=True, help="of each MLP")
    parser.add_argument("--heads", type=argument.count, help="of queries in each block; absent: all")
    parser.add_argument(
        "--quantise",
        choices=quantise.BLOCK_FORMATS,
        help="the format of the blocks; A+B: B for down projections, and for those of the values in q3had; absent: f32",
    )
    parser.add_argument(
        "--tie", action="store_true", help="embed tokens by the rows of the head, which are then one matrix"
    )
    parser.add_argument("--lines", type=argument.count, default=240, help="of the text, evenly over all files")
    parser.add_argument(
        "--solved",
        type=argument.count,
        metavar="LINES",
        help="of the lines, evenly: what least squares and GPTQ see, where learning sees all; absent: all",
    )
    parser.add_argument(
        "--longest", type=argument.count, default=320, help="tokens of a line; the rest of it is cut off"
    )
    parser.add_argument("--tokens", type=argument.count, default=1024, help="padded positions of a batch")
    parser.add_argument(
        "--readings", type=argument.not_negative, default=6, help="how often each block reads the lines"
    )
    parser.add_argument(
        "--minutes",
        type=argument.not_negative,
        default=math.inf,
        help="for all blocks together, if that ends before the readings do; each gets the same share of what is left",
    )
    parser.add_argument(
        "--rate",
        type=argument.positive,
        help=f"highest learning rate; absent: {RATE:g} in floats, {ROUNDED_RATE:g} with --quantise",
    )
    parser.add_argument(
        "--compile",
        action="store_true",
        help="run the blocks as compiled code, as distil does; each length of a batch takes some seconds more",
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


class Cut:
    def __init__(self, args: argparse.Namespace):
        self.args = args
        self.device = models.pick_device(exact=True)
        self.model = models.load(args.model, self.device).eval()
        self.inside = Inside(self.model, self.device)
        why = (lacking if args.compile else unlike)(self.model.config, args.longest)
        if why:
            raise SystemExit(f"{args.model} cannot be cut: {why}")
        layers = list(self.model.model.layers)
        self.kept = [int(index) for index in args.blocks.split(",")] if args.blocks else list(range(len(layers)))
        if sorted(set(self.kept)) != self.kept or not 0 <= self.kept[0] <= self.kept[-1] < len(layers):
            raise SystemExit(f"--blocks is {args.blocks}; it must rise, from 0 to {len(layers) - 1} at most")
        most = self.model.config.intermediate_size
        if not 0 < args.channels <= most:
            raise SystemExit(f"--channels is {args.channels}; it must be from 1 to the model's {most}")
        every, shared = self.model.config.num_attention_heads, self.model.config.num_key_value_heads
        self.heads = args.heads or every
        if self.heads > every or self.heads % shared:
            raise SystemExit(f"--heads is {args.heads}; it must be a multiple of {shared}, and {every} at most")
        widths = self.model.config.hidden_size, self.heads * layers[0].self_attn.head_dim, args.channels
        if args.quantise:
            quantise.refuse_unfit(args.quantise, *widths)
        self.ready = self.blocks_of(args.cut, *widths) if args.cut else None
        self.lines = chosen(args.text, args.lines, args.longest)
        args.out.mkdir(parents=True, exist_ok=True)
        self.agree()
        groups = grouped(self.lines, args.tokens)
        self.whole = Whole(self.model, self.inside, self.lines, groups, args.out)
        torch._dynamo.config.recompile_limit = SHAPES
        self.learning = BlockLearning(
            self.inside,
            groups,
            readings=args.readings,
            rate=args.rate or (ROUNDED_RATE if args.quantise else RATE),
            formats=args.quantise,
            seed=args.seed,
            run=torch.compile(block, dynamic=False) if args.compile else block,
        )
        self.layers = layers
        self.solved = evenly(len(self.lines), args.solved or len(self.lines))

    def agree(self) -> None:
        """Streams and finished blocks are used again only where they are of the same cut and the same lines."""
        args, file = self.args, self.args.out / CUT
        lines = hashlib.sha256(json.dumps(self.lines).encode()).hexdigest()
        own = {"blocks": self.kept, "channels": args.channels, "heads": self.heads}
        own |= {"quantise": args.quantise, "lines": lines} | ({"cut": str(args.cut)} if args.cut else {})
        if file.exists() and json.loads(file.read_text()) != own:
            raise SystemExit(
                f"{args.out} holds blocks of another cut, or of other lines: name another --out, or remove it"
            )
        file.write_text(json.dumps(own))

    def blocks_of(self, cut: Path, hidden: int, mixed: int, channels: int) -> list[nn.Module]:
        """Those of a checkpoint that was cut before."""
        layers = list(models.load(cut, self.device).eval().model.layers)
        first = layers[0]
        widths = (
            first.self_attn.o_proj.out_features,
            first.self_attn.o_proj.in_features,
            first.mlp.down_proj.in_features,
        )
        if len(layers) != len(self.kept) or widths != (hidden, mixed, channels):
            raise SystemExit(
                f"--cut: {cut} has {len(layers)} blocks of {widths[2]} channels and {widths[1]} columns of heads; "
                f"the options ask for {len(self.kept)} of {channels} and {mixed}"
            )
        return layers

    def run(self) -> None:
        ends_at = time.monotonic() + 60 * self.args.minutes
        whole = self.whole.streams()
        ends = [*self.kept[1:], len(self.layers)]
        first = self.kept[0]
        read = [stream[first].float() for stream in whole]
        done = []
        for at, (index, end) in enumerate(zip(self.kept, ends)):
            began = time.monotonic()
            wanted = [stream[end] for stream in whole]
            file = self.args.out / f"block-{at}.pt"
            figures: dict[str, object] = {}
            if file.exists():
                layer = self.narrowed(index, torch.load(file, map_location=self.device, weights_only=True))
                given, error = self.learning.advance(layer, read, wanted)
            else:
                streams = Seen(read, [stream[index] for stream in whole], wanted)
                layer, begun = self.untaught(at, index, streams, figures)
                if self.args.readings and (begun is None or len(self.solved) < len(read)):
                    # What learning is compared with is on the lines that it sees.
                    begun = self.learning.advance(layer, read, wanted)[1]
                untaught = copy.deepcopy(layer.state_dict())
                share = (ends_at - time.monotonic()) / (len(self.kept) - at)
                figures["taught"] = self.learning.teach(layer, read, wanted, at, share)
                given, error = self.learning.advance(layer, read, wanted)
                if figures["taught"] and error > begun:
                    # Too fast a rate, or too little time to come back from it.
                    layer.load_state_dict(untaught)
                    given, error = self.learning.advance(layer, read, wanted)
                partial = file.with_suffix(".partial")
                torch.save(layer.state_dict(), partial)
                partial.replace(file)
            read = given
            seconds = round(time.monotonic() - began)
            print(json.dumps({"block": index, **figures, "error": round(error, 4), "seconds": seconds}), flush=True)
            layer.self_attn.layer_idx = at
            done.append(layer)
        self.export(done)

    def seen(self, streams: list[torch.Tensor]) -> list[torch.Tensor]:
        """Of the lines that least squares and GPTQ see."""
        return [streams[line].to(self.device).float() for line in self.solved]

    def untaught(
        self, at: int, index: int, streams: Seen, figures: dict[str, object]
    ) -> tuple[nn.Module, float | None]:
        """
        The block before it learns, and its error on the lines that are seen, if it was solved or rounded. What each of
        the two leaves goes to `figures`.
        """
        error = None
        read, wanted = self.seen(streams.read), self.seen(streams.wanted)
        if self.ready:
            layer = self.narrowed(index, self.ready[at].state_dict())
        else:
            layer = copy.deepcopy(self.layers[index]).float()
            behind = self.narrow_attention(layer, read, wanted)
            error = self.solve(layer, behind, wanted).error(layer.mlp.down_proj.weight)
            figures["solved"] = round(error, 4)
        if self.args.quantise:
            own = {name: metric for (block, name), metric in self.metrics.items() if block == index}
            seen = Seen(read, self.seen(streams.entered), wanted)
            error = round_block(self.inside, layer, self.args.quantise, seen, own, self.solve)
            figures["rounded"] = round(error, 4)
        return layer, error

    def narrowed(self, index: int, weights: dict[str, torch.Tensor]) -> nn.Module:
        """A block of the widths that are asked for, with these weights."""
        layer = copy.deepcopy(self.layers[index]).float()
        channels.narrow(layer, torch.arange(self.args.channels))
        heads.narrow(layer.self_attn, list(range(self.heads)))
        layer.load_state_dict(weights)
        return layer

    def narrow_attention(
        self, layer: nn.Module, read: list[torch.Tensor], wanted: list[torch.Tensor]
    ) -> list[torch.Tensor]:
        """Leaves out heads where fewer are asked for. Returns the stream behind the attention."""
        mixes = [self.inside.mixed(layer, x) for x in read]
        if self.heads < self.model.config.num_attention_heads:
            # All positions count alike, but for the first, which does not count.
            gram = gram_of((mix * by_size(stream))[1:] for mix, stream in zip(mixes, wanted))
            columns = heads.leave_out(layer.self_attn, gram, self.heads)
            mixes = [mix[:, columns] for mix in mixes]
        return [self.inside.behind(layer, x, mix) for x, mix in zip(read, mixes)]

    def solve(self, layer: nn.Module, behind: list[torch.Tensor], wanted: list[torch.Tensor]) -> Solved:
        return channels.solve(self.inside, layer, behind, wanted, self.args.channels)

    @cached_property
    def metrics(self) -> dict[tuple[int, str], torch.Tensor]:
        """None where the blocks are cut as well, because their outputs are others then."""
        config = self.model.config
        widths = self.args.channels, self.heads
        if self.ready or widths != (config.intermediate_size, config.num_attention_heads):
            return {}
        return self.whole.metrics(self.args.seed)

    def export(self, layers: list[nn.Module]) -> None:
        """A Hugging Face checkpoint in f32."""
        model, config = self.model, self.model.config
        model.model.layers = nn.ModuleList(layers)
        config.num_hidden_layers, config.intermediate_size = len(layers), self.args.channels
        config.head_dim, config.num_attention_heads = layers[0].self_attn.head_dim, self.heads
        if getattr(config, "layer_types", None):
            config.layer_types = [config.layer_types[index] for index in self.kept]
        if self.args.tie and not config.tie_word_embeddings:
            model.model.embed_tokens.weight = model.lm_head.weight
            config.tie_word_embeddings = True
        model.save_pretrained(self.args.out)
        for file in self.args.model.glob("tokenizer*.json"):
            shutil.copy(file, self.args.out)

    def tidy(self) -> None:
        """Removes what only an interrupted cut goes on from."""
        self.whole.tidy()
        for file in (self.args.out / CUT, *self.args.out.glob("block-*.pt")):
            file.unlink(missing_ok=True)


if __name__ == "__main__":
    keep_freed()
    cut = Cut(options())
    cut.run()
    cut.tidy()
