"""
Rounds weights in the forward pass as a pack will hold them. Gradients pass straight through the rounding (Bengio,
Léonard, Courville 2013, arXiv 1308.3432), and the values that weights are rounded to learn with them.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize

from .choices import Values, between, refitted, scales_for
from .form import ROTATED, Form, rotated
from .student import ends
from .words import ROTATED_SUMS

GRID = 63  # entries of a codebook are whole numbers to 63, value = a · entry + b (src/model/layouts.ts)
LEVELS = 4  # of q2lut
NORMAL_LEVELS = (-1, -0.2998, 0.2998, 1)  # of q2had (src/model/formats/q2had.ts)
STEPS = (-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5)  # of q3had (src/model/formats/q3had.ts)
HELD = 1e-5  # of a row's largest weight: a rotation and back, in f32


class _Chosen(torch.autograd.Function):
    """values (rows, n) at codes (rows, cols); the gradient goes to values by membership, and to weights unchanged."""

    @staticmethod
    def forward(ctx, weight, values, codes):
        ctx.save_for_backward(codes.to(torch.uint8))
        ctx.entries = values.shape[1]
        return values.gather(1, codes)

    @staticmethod
    def backward(ctx, upstream):
        (codes,) = ctx.saved_tensors
        by_values = upstream.new_zeros(len(codes), ctx.entries).scatter_add_(1, codes.long(), upstream)
        return upstream, by_values, None


class _Level(torch.autograd.Function):
    """What _Chosen computes, for few rising values (rows, n), by levels_of and sums_by_level or their like."""

    @staticmethod
    def forward(ctx, weight, values, choose, by_values, dtype):
        ctx.save_for_backward(weight, values)
        ctx.by_values = by_values
        return choose(weight, values, dtype)

    @staticmethod
    def backward(ctx, upstream):
        return *ctx.by_values(upstream, *ctx.saved_tensors), None, None, None


def levels_of(weight: torch.Tensor, values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The value (rows, cols) that each weight is nearest to. values: (rows, n), rising."""
    chosen = values[:, :1]
    for level, middle in enumerate(middles(values)):
        chosen = torch.where(weight > middle, values[:, level + 1 : level + 2], chosen)
    return chosen.to(dtype)


def sums_by_level(
    upstream: torch.Tensor, weight: torch.Tensor, values: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    The gradient in f32, and its sums (rows, n) over the weights at each level. Which level a weight is at is
    compared anew: compiled code does not go over bytes and floats side by side in vectors.
    """
    gradient = upstream.float()
    above = [gradient.sum(-1), *(torch.where(weight > middle, gradient, 0).sum(-1) for middle in middles(values))]
    return gradient, torch.stack([*(more - less for more, less in pairwise(above)), above[-1]], -1)


def middles(values: torch.Tensor) -> list[torch.Tensor]:
    """(rows, 1) each: the middles of neighbours among values (rows, n)."""
    return [(low + high) / 2 for low, high in zip(values.split(1, -1), values.split(1, -1)[1:])]


def product_type(weight: torch.Tensor) -> torch.dtype:
    """What a product would round a weight to here: bf16 under autocast, else the weight's own type."""
    kind = weight.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype


class RowCodebook(Form):
    """lut3 and lut4: 8 or 16 values per row, on a grid. Weights are rounded to the nearest of them."""

    def __init__(self, weight: torch.Tensor, entries: int):
        super().__init__()
        self.entries = nn.Parameter(first_values(weight.detach().float(), entries))
        self.compiled = None

    def values(self) -> torch.Tensor:
        """(rows, entries), rising."""
        return on_grid(self.entries.sort(-1).values)

    def choices(self) -> Values:
        return Values(self.values())

    def refit(self, weight: torch.Tensor, codes: torch.Tensor, gram: torch.Tensor) -> None:
        """
        The values that lose least where each weight has the code (rows, cols) among them. gram: as in gptq.rounded.
        """
        entries = self.entries.shape[1]
        for row, (own, before) in enumerate(zip(codes, self.values())):
            members = F.one_hot(own, entries).to(gram.dtype)
            among = gram @ members
            square = members.T @ among
            square += 1e-6 * square.diagonal().mean() * torch.eye(entries, device=gram.device)
            found = before + torch.linalg.solve(square, among.T @ (weight[row] - before[own]))
            # The grid of a row reaches from the least to the largest of the values that it has, so a value that no
            # weight has becomes one of those.
            self.entries[row] = torch.where(members.sum(0) > 0, found, found[own[0]])

    def taken(self, codes: torch.Tensor) -> torch.Tensor:
        """(rows, cols) from the codes that values were refitted to."""
        return on_grid(self.entries).gather(1, codes)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        values = self.values()
        if self.compiled:
            return _Level.apply(weight, values, *self.compiled, product_type(weight))
        with torch.no_grad():
            codes = nearest(values, weight)
        return _Chosen.apply(weight, values, codes)

    def compile(self) -> None:
        """As SharedLevels.compile. Compiled comparisons are faster than a table."""
        self.compiled = compiled_levels()


class SharedLevels(Form):
    """q2lut: four levels that all rows share, and a scale per row (src/model/formats/q2lut.ts)."""

    def __init__(self, weight: torch.Tensor):
        super().__init__()
        levels, scales = self.first(weight.detach().float())
        self.scales = nn.Parameter(scales)
        self.set_levels(levels)
        self.choose, self.by_values = levels_of, sums_by_level

    def first(self, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Levels and scales (rows) to begin with."""
        return first_levels(weight)

    def set_levels(self, levels: torch.Tensor) -> None:
        self.levels = nn.Parameter(levels)

    def values(self) -> torch.Tensor:
        """(rows, levels), rising."""
        return self.scales.abs().clamp_min(1e-8)[:, None] * self.levels.sort().values

    def choices(self) -> Values:
        return Values(self.values())

    def refit(self, weight: torch.Tensor, codes: torch.Tensor, gram: torch.Tensor) -> None:
        """As RowCodebook.refit. The levels stay, the scales are fitted."""
        self.scales.copy_(refitted(self.scales, weight, self.levels.sort().values[codes], gram))

    def taken(self, codes: torch.Tensor) -> torch.Tensor:
        """As RowCodebook.taken."""
        return self.values().gather(1, codes)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        values = self.values()
        return _Level.apply(weight, values, self.choose, self.by_values, product_type(weight))

    def compile(self) -> None:
        """Rounds as compiled code from here on: one loop over the weights where PyTorch's operations are ten."""
        self.choose, self.by_values = compiled_levels()


class RotatedLevels(SharedLevels):
    """q2had: in another basis, with the same levels for all matrices (src/model/formats/q2had.ts)."""

    fixed = NORMAL_LEVELS

    def first(self, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        levels = torch.tensor(self.fixed, device=weight.device)
        return levels, first_scales(rotated(weight), levels)

    def set_levels(self, levels: torch.Tensor) -> None:
        self.register_buffer("levels", levels)

    def rotate(self, x: torch.Tensor) -> torch.Tensor:
        return rotated(x)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Returns the weight rounded, in the basis of the model."""
        return rotated(super().forward(weight if self.is_given_rotated else rotated(weight)))


class RotatedSteps(RotatedLevels):
    """q3had: in eight even steps (src/model/formats/q3had.ts)."""

    fixed = STEPS


def compiled_levels() -> tuple[Callable, Callable]:
    return torch.compile(levels_of, dynamic=False), torch.compile(sums_by_level, dynamic=False)


def nearest(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """
    (rows, cols): the index of the value of its row that each weight is nearest to. Values are on the grid and
    ascending. The middle of two values lies on a half step of the grid, so one table look-up finds the index; a
    search takes a CPU three times as long.
    """
    low = values[:, :1]
    half = ((values[:, -1:] - low) / (2 * GRID)).clamp_min(1e-12)
    bins = torch.arange(2 * GRID, device=values.device) + 0.5
    middles = ((values[:, 1:] + values[:, :-1]) / 2).contiguous()
    table = torch.searchsorted(middles, low + half * bins)
    return table.gather(1, ((weight - low) / half).long().clamp_(0, 2 * GRID - 1))


def on_grid(values: torch.Tensor) -> torch.Tensor:
    """(rows, n) rounded to the 64 steps between the least and the largest of each row."""
    low = values.min(-1, keepdim=True).values
    step = ((values.max(-1, keepdim=True).values - low) / GRID).clamp_min(1e-12)
    rounded = low + step * ((values - low) / step).round()
    return values + (rounded - values).detach()


def first_values(weight: torch.Tensor, entries: int) -> torch.Tensor:
    """
    The first values of a codebook, (rows, entries), for a weight (rows, cols). A row that holds no more than `entries`
    different values, as in a checkpoint that was exported from a pack, begins with those; any other with its k-means.
    """
    rising = weight.sort(-1).values
    rank = F.pad(rising.diff() > 0, (1, 0)).cumsum(-1)
    few = rank[:, -1] < entries
    values = rising[:, -1:].repeat(1, entries)
    values[few] = values[few].scatter(1, rank[few], rising[few])
    values[~few] = quantile_means(weight[~few], entries)
    return values


def quantile_means(weight: torch.Tensor, entries: int, rounds: int = 20) -> torch.Tensor:
    """k-means of each row on its own, (rows, entries): Lloyd's steps from the means of equal shares."""
    values = torch.stack([part.mean(-1) for part in weight.sort(-1).values.tensor_split(entries, -1)], -1)
    for _ in range(rounds):
        middles = ((values[:, 1:] + values[:, :-1]) / 2).contiguous()
        codes = torch.searchsorted(middles, weight.contiguous())
        sums = torch.zeros_like(values).scatter_add_(1, codes, weight)
        counts = torch.zeros_like(values).scatter_add_(1, codes, torch.ones_like(weight))
        values = torch.where(counts > 0, sums / counts.clamp_min(1), values)
    return values


def first_levels(weight: torch.Tensor, rounds: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """
    Levels (4) and scales (rows) for a weight (rows, cols): those that it holds exactly, where it does; else of the
    least squared error, by turns for codes, scales and levels, from rows divided by their root mean square.
    """
    held = held_levels(weight)
    if held:
        return held
    scales = weight.square().mean(-1).sqrt().clamp_min(1e-8)
    levels = torch.tensor([-1.5, -0.45, 0.45, 1.5], device=weight.device)
    for _ in range(rounds):
        levels = levels.sort().values
        codes = between(scales[:, None] * levels, weight)
        chosen = levels[codes]
        scales = scales_for(weight, chosen)
        flat, size = codes.flatten(), scales[:, None].expand_as(weight)
        wanted = torch.zeros(LEVELS, device=weight.device).scatter_add_(0, flat, (weight * size).flatten())
        mass = torch.zeros(LEVELS, device=weight.device).scatter_add_(0, flat, size.square().flatten())
        levels = torch.where(mass > 0, wanted / mass.clamp_min(1e-12), levels)
    return levels.sort().values, scales


def first_scales(weight: torch.Tensor, levels: torch.Tensor, rounds: int = 20) -> torch.Tensor:
    """(rows): the scales that a weight holds exactly, where it does; else of the least squared error, by turns."""
    held = held_scales(weight, levels)
    if held is not None:
        return held
    scales = weight.square().mean(-1).sqrt().clamp_min(1e-8) / levels.square().mean().sqrt()
    for _ in range(rounds):
        scales = scales_for(weight, levels[between(scales[:, None] * levels, weight)])
    return scales


def held_levels(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
    """
    The levels and scales of a weight that has been rounded to q2lut, such as one exported from a pack; None for any
    other. A row with four different values has the levels up to its scale.
    """
    for row in weight[:64]:
        levels = few_values(row)
        if levels is None:
            return None
        if len(levels) == LEVELS:
            break
    else:
        return None
    scales = held_scales(weight, levels)
    return None if scales is None else (levels, scales)


def held_scales(weight: torch.Tensor, levels: torch.Tensor) -> torch.Tensor | None:
    """(rows): by which each row's values are some of the levels; None where a row has other values."""
    largest = weight.abs().amax(-1)
    scales, least = torch.zeros_like(largest), torch.full_like(largest, torch.inf)
    for level in levels.abs().unique():
        if level == 0:
            continue
        scale = largest / level
        values = scale[:, None] * levels
        error = (values.gather(1, between(values, weight)) - weight).abs().amax(-1)
        scales, least = torch.where(error < least, scale, scales), torch.minimum(error, least)
    return scales if (least <= HELD * largest).all() else None


def few_values(row: torch.Tensor) -> torch.Tensor | None:
    """The different values of a row, rising, each the mean of its like; None where they are more than LEVELS."""
    rising = row.sort().values
    starts = (rising.diff() > HELD * row.abs().max()).nonzero()[:, 0] + 1
    return torch.stack([like.mean() for like in rising.tensor_split(starts.cpu())]) if len(starts) < LEVELS else None


FORMATS: dict[str, Callable[[torch.Tensor], Form]] = {
    "lut3": lambda weight: RowCodebook(weight, 8),
    "lut4": lambda weight: RowCodebook(weight, 16),
    "q2lut": SharedLevels,
    "q2had": RotatedLevels,
    "q3had": RotatedSteps,
    **ROTATED_SUMS,
}

# Those that rotate columns.
BY_GROUPS = ("q2had", "q3had", *ROTATED_SUMS)

# By the name of what a block is rounded to: the format of its matrices, and that of some of them where it is another.
# In two bits down projections lose a third of a block's error to more than a half, and for its bytes no matrix gains
# as much by a third bit as that of the values (docs/log.md).
BLOCK_FORMATS: dict[str, tuple[str, dict[str, str]]] = {
    **{kind: (kind, {}) for kind in FORMATS},
    "q2lut+lut3": ("q2lut", {"down_proj": "lut3"}),
    "q2had+q3had": ("q2had", {"v_proj": "q3had", "down_proj": "q3had"}),
    "q2add+q3add": ("q2add", {"v_proj": "q3add", "down_proj": "q3add"}),
}


def format_of(blocks: str, projection: str) -> str:
    """The format of a projection of a block, such as mlp.down_proj. blocks: a name in BLOCK_FORMATS."""
    others, finer = BLOCK_FORMATS[blocks]
    return finer.get(projection.rsplit(".", 1)[-1], others)


def refuse_unfit(blocks: str, hidden: int, mixed: int, channels: int) -> None:
    """
    Ends the program where blocks cannot be rounded to the format that --quantise names. hidden, mixed, channels: the
    columns of their projections, of the out-projection, and of the down projection.
    """
    for name, columns in {"q_proj": hidden, "o_proj": mixed, "down_proj": channels}.items():
        kind = format_of(blocks, name)
        if kind in BY_GROUPS and columns % ROTATED:
            raise SystemExit(f"--quantise: {kind} takes columns in multiples of {ROTATED}, and {name} has {columns}")


def quantise(model: nn.Module, blocks: str, vocabulary: str = "lut4") -> None:
    """
    Rounds every projection of every block, and embedding and head, to their formats from here on. blocks: a name in
    BLOCK_FORMATS.
    """
    for block in model.model.layers:
        quantise_block(block, blocks)
    for module in ends(model):
        round_weight(module, vocabulary)


def compile_rounding(blocks: nn.Module) -> None:
    """Compiles the rounding of the weights of one block or several."""
    for module in blocks.modules():
        if isinstance(module, (RowCodebook, SharedLevels)):
            module.compile()


def quantise_block(block: nn.Module, blocks: str) -> None:
    for name, module in list(block.named_modules()):
        if isinstance(module, nn.Linear):
            round_weight(module, format_of(blocks, name))


def learns(blocks: str) -> bool:
    """Whether weights can learn in the format of blocks. blocks: a name in BLOCK_FORMATS."""
    others, finer = BLOCK_FORMATS[blocks]
    return not {others, *finer.values()} & {*ROTATED_SUMS}


def fix(blocks: nn.Module) -> None:
    """The weights behind rounded ones do not learn; the values that they are rounded to do."""
    for module in blocks.modules():
        if parametrize.is_parametrized(module, "weight"):
            module.parametrizations.weight.original.requires_grad_(False)


def round_weight(module: nn.Module, kind: str) -> None:
    """Rounds the weight of a module from here on. It learns in the basis of the format, unless it has adapters."""
    form = FORMATS[kind](module.weight)
    if not parametrize.is_parametrized(module, "weight"):
        form.is_given_rotated = True
        with torch.no_grad():
            module.weight.copy_(form.rotate(module.weight))
    parametrize.register_parametrization(module, "weight", form)


def settle(model: nn.Module) -> None:
    """Makes the rounded weights plain weights, which a pack in the same formats holds exactly."""
    settle_modules(model)
    model.tie_weights()


def settle_modules(parent: nn.Module) -> None:
    for module in list(parent.modules()):
        if parametrize.is_parametrized(module, "weight"):
            forms = list(module.parametrizations.weight)
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
            if isinstance(forms[-1], RowCodebook):
                # A pack's grid reaches from the least to the largest value that a row has. Where no weight has an end
                # of the grid that was learned, the others move to the pack's.
                with torch.no_grad():
                    module.weight.copy_(RowCodebook(module.weight, forms[-1].entries.shape[1])(module.weight))
