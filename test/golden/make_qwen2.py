"""Golden ids for test/qwen/tokenizer.test.ts: Qwen2.5's vocabulary by the `tokenizers` and `transformers` packages.

    python test/golden/make_qwen2.py <a GGUF file of Qwen2.5 or Qwen2.5-Coder>

Reads the tables with the `gguf` package, puts them into a tokenizer of the structure that Qwen publishes, and writes
qwen2.json beside this file: ids of the strings of tokenizer.json and of its chats, rendered by transformers.
"""

import json
import pathlib
import sys

from gguf import GGUFReader
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent
SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CONTROL, USER_DEFINED = 3, 4


def main() -> None:
    fields = GGUFReader(sys.argv[1]).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    types = fields["tokenizer.ggml.token_type"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE({token: n for n, token in enumerate(tokens)}, merges))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t, kind in zip(tokens, types) if kind == CONTROL])
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t, kind in zip(tokens, types) if kind == USER_DEFINED])
    chat = PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=fields["tokenizer.chat_template"].contents())

    golden = json.loads((HERE / "tokenizer.json").read_text())
    tokenizer.encode_special_tokens = True
    strings = [tokenizer.encode(case["text"], add_special_tokens=False).ids for case in golden["strings"]]
    tokenizer.encode_special_tokens = False
    chats = [
        chat.apply_chat_template(case["messages"], add_generation_prompt=True, tokenize=True, return_dict=False)
        for case in golden["chats"]
    ]
    (HERE / "qwen2.json").write_text(json.dumps({"strings": strings, "chats": chats}, separators=(",", ":")) + "\n")
    print(f"{len(strings)} strings, {len(chats)} chats")


main()
