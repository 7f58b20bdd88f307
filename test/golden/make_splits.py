"""Golden splits and small tokenizers for test/format/gguf-splits.test.ts and test/model/codec.test.ts, by the `tokenizers` package.

    python test/golden/make_splits.py

Needs no model. Writes beside this file, for the strings of tokenizer.json:
  splits.json            by `tokenizer.ggml.pre`, a checksum of each string's pieces
  small_tokenizers.json  tokenizers of a few hundred tokens, trained on the strings, with a checksum of each string's ids
"""

import json
import pathlib
import zlib

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
STRINGS = [case["text"] for case in json.loads((HERE / "tokenizer.json").read_text())["strings"]]


def isolated(pattern: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False)


CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
REST = r"\s*[\r\n]+|\s+(?!\S)|\s+"
GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + REST
QWEN2 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + REST
GPT4O = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{CONTRACTIONS}?|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{CONTRACTIONS}?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + REST
)
TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|" + REST
)
DEEPSEEK3 = [
    r"\p{N}{1,3}",
    "[一-龥\u3040-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|" + REST,
]

SPLITS = {
    "gpt-2": GPT2,
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), GPT2]),
    "llama-bpe": isolated(LLAMA3),
    "qwen2": isolated(QWEN2),
    "gpt-4o": isolated(GPT4O),
    "tekken": isolated(TEKKEN),
    "deepseek-v3": pre_tokenizers.Sequence([isolated(pattern) for pattern in DEEPSEEK3]),
}


def checksum(value: object) -> str:
    return f"{zlib.crc32(json.dumps(value, separators=(',', ':')).encode()):08x}"


def lengths(split: pre_tokenizers.PreTokenizer, text: str) -> list[int]:
    """Characters of each piece, in Unicode code points."""
    return [end - start for _, (start, end) in split.pre_tokenize_str(text)]


def spelled(split: pre_tokenizers.PreTokenizer) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def byte_level(split: pre_tokenizers.PreTokenizer, nfc: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    if nfc:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = spelled(split)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        STRINGS, trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, special_tokens=["<|end|>"], show_progress=False)
    )
    return tokenizer


def sentence_piece(kind: str) -> Tokenizer:
    characters = sorted({c for text in STRINGS for c in text if c.isascii() and c.isprintable() and c != " "} | {"\u2581", "é", "中"})
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    if kind == "unigram":
        words = ["\u2581the", "\u2581a", "ing", "ion", "\u2581x", "er", "aa", "\u2581\u2581", "ab"]
        vocabulary = [("<unk>", 0.0)] + [(b, -12.0) for b in bytes_] + [(c, -6.0 - n / 100) for n, c in enumerate(characters)]
        vocabulary += [(word, -3.0 - n / 10) for n, word in enumerate(words)]
        tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=0, byte_fallback=False))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
        tokenizer.decoder = decoders.Metaspace(prepend_scheme="first", split=False)
        return tokenizer
    merges = [("t", "h"), ("th", "e"), ("\u2581", "the"), ("i", "n"), ("in", "g"), ("a", "a"), ("\u2581", "\u2581"), ("a", "b"), ("ab", "ab")]
    tokens = ["<unk>", *bytes_, *characters, *(left + right for left, right in merges)]
    tokenizer = Tokenizer(
        models.BPE({token: n for n, token in enumerate(tokens)}, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


def with_ignored_merges(tokenizer: Tokenizer) -> Tokenizer:
    """Longer tokens that no merge makes, so that looking whole pieces up shows."""
    description = json.loads(tokenizer.to_str())
    vocabulary = description["model"]["vocab"]
    for word in ["Ġcapital", "constructor", "ĠFrance", "123", "!!!"]:
        vocabulary.setdefault(word, len(vocabulary))
    description["model"]["ignore_merges"] = True
    return Tokenizer.from_str(json.dumps(description))


def main() -> None:
    splits = {name: [checksum(lengths(split, text)) for text in STRINGS] for name, split in SPLITS.items()}
    (HERE / "splits.json").write_text(json.dumps(splits, separators=(",", ":")) + "\n")
    small = {
        "qwen2": byte_level(isolated(QWEN2), nfc=True),
        "llama-bpe": with_ignored_merges(byte_level(isolated(LLAMA3), nfc=False)),
        "sentencepiece": sentence_piece("bpe"),
        "unigram": sentence_piece("unigram"),
    }
    golden = {}
    for name, tokenizer in small.items():
        ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in STRINGS]
        golden[name] = {"tokenizer": json.loads(tokenizer.to_str()), "ids": [checksum(one) for one in ids]}
    (HERE / "small_tokenizers.json").write_text(json.dumps(golden, ensure_ascii=True, separators=(",", ":")) + "\n")


main()
