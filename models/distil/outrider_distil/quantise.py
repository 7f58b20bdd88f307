"""
Rounds the weights of a model or a block in the forward pass as a pack will hold them, each matrix in its format, and at
the end for good. The values that weights are rounded to learn.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.utils import parametrize

from .codebooks import RotatedLevels, RotatedSteps, RowCodebook
from .form import ROTATED, Form
from .student import ends
from .words import ROTATED_SUMS

FORMATS: dict[str, Callable[[torch.Tensor], Form]] = {
    "lut4": lambda weight: RowCodebook(weight, 16),
    "q2had": RotatedLevels,
    "q3had": RotatedSteps,
    **ROTATED_SUMS,
}

# Those that rotate columns.
BY_GROUPS = ("q2had", "q3had", *ROTATED_SUMS)

# By the name of what a block is rounded to: the format of its matrices, and that of some of them where it is another.
# In two bits down projections lose a third of a block's error to more than a half, and for its bytes no matrix gains
# as much by a third bit as that of the values (docs/record/log.md).
BLOCK_FORMATS: dict[str, tuple[str, dict[str, str]]] = {
    "lut4": ("lut4", {}),
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
        if isinstance(module, (RowCodebook, RotatedLevels)):
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
