"""
The vocabulary of a draft, and the tokens that it reads in row_of of those it lacks. Does what the stage
trim-vocabulary of `outrider squeeze` does (src/tools/compress/stages/trim-vocabulary.ts).
"""

import json
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import torch

from .corpus import raw_lines


@dataclass(frozen=True)
class Vocabulary:
    kept: torch.Tensor  # (K) ids, ascending
    read_as: torch.Tensor  # (V): for each id the id that the draft reads in its place; itself if kept
    row_of: torch.Tensor  # (V): for each id its index in `kept`, −1 if it is not there

    @classmethod
    def of(cls, kept: torch.Tensor, read_as: torch.Tensor) -> "Vocabulary":
        row_of = torch.full(read_as.shape, -1)
        row_of[kept] = torch.arange(len(kept))
        return cls(kept, read_as, row_of)

    def to(self, device: str) -> "Vocabulary":
        return Vocabulary(self.kept.to(device), self.read_as.to(device), self.row_of.to(device))

    def read(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of the tokens that a draft reads where its target reads `ids`."""
        return self.row_of[self.read_as[ids]]


def whole(size: int) -> Vocabulary:
    every = torch.arange(size)
    return Vocabulary(every, every, every)


def trimmed(files: list[Path], tokenizer: Path, size: int, keep: int) -> Vocabulary:
    """
    The `keep` tokens that corpora have most often; of equally frequent ones those with the lowest ids. Tokens that no
    merge makes are always kept. Any other token is read as the last of its BPE pieces that is kept. tokenizer: the
    tokenizer.json of a byte-level BPE. An id from the end of its table up to `size`, the rows of the model, is no
    token: it is never kept, and stands as the first kept token only so that `read_as` has no gap.
    """
    counts = torch.zeros(size, dtype=torch.long)
    for raw in chain.from_iterable(map(raw_lines, files)):
        counts += torch.bincount(torch.tensor(raw["prompt"] + raw["answer"]), minlength=size)
    table = table_size(tokenizer)
    lasts = last_pieces(tokenizer, table)
    always = torch.tensor([last is None for last in lasts])
    if not always.sum() <= keep < table:
        raise SystemExit(
            f"--head is {keep}; it must be under {table}, and at least {always.sum()}, "
            "because bytes and special tokens always stay"
        )
    order = torch.sort(torch.where(always, counts.max() + 1, counts[:table]), descending=True, stable=True).indices
    kept = order[:keep].sort().values
    own = set(kept.tolist())
    read_as = [*range(table), *[int(kept[0])] * (size - table)]
    for token in range(table):
        while read_as[token] not in own:
            read_as[token] = lasts[read_as[token]]
    return Vocabulary.of(kept, torch.tensor(read_as))


def table_size(file: Path) -> int:
    """Ids of a tokenizer.json: one more than the last, as src/core/model/tokenizer-files.ts counts them."""
    tokenizer = json.loads(file.read_text())
    added = [token["id"] for token in tokenizer.get("added_tokens", [])]
    return max([*tokenizer["model"]["vocab"].values(), *added]) + 1


def last_pieces(file: Path, size: int) -> list[int | None]:
    """
    By id, the right half of the merge that makes the token; None for bytes, special tokens and ids that no merge makes
    (src/core/model/pieces.ts).
    """
    tokenizer = json.loads(file.read_text())
    ids = tokenizer["model"]["vocab"]
    lasts: list[int | None] = [None] * size
    for merge in tokenizer["model"].get("merges", []):
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        made = ids.get(left + right)
        if made is not None:
            lasts[made] = ids[right]
    for added in tokenizer.get("added_tokens", []):
        lasts[added["id"]] = None
    return lasts
