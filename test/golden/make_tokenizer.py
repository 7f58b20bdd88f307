"""Golden ids for test/real/tokenizer.test.ts, by the `tokenizers` and `transformers` packages.

    python test/golden/make_tokenizer.py <directory with tokenizer.json and tokenizer_config.json>

Writes tokenizer.json beside this file: for each string the ids with special tokens as plain text, those with special
tokens recognised where they differ, and the decoded text where it differs from the string; for each chat the ids of
the rendered template.
"""

import json
import pathlib
import random
import sys

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent

PLAIN = [
    "", " ", "  ", "   ", "a", " a", "a ", "  a  b   c    ", "\n", "\n\n", "\n\n\n", " \n", "\n ", " \n \n ", "\t", "\t\ta",
    "\r\n", "a\r\nb", "a\rb", "\x0b\x0c", "Hello", "hello world", "Hello, world!", "The quick brown fox jumps over the lazy dog.",
    "I'm you're he's we've they'll I'd can't", "I'M YOU'RE HE'S WE'VE THEY'LL I'D CAN'T", "o'clock 'tis rock'n'roll", "''s 't", "'", "''",
    "don’t “quote” – dash — em…", "e.g. i.e. U.S.A.", "foo_bar fooBar FooBAR foo-bar foo.bar", "www.example.com/a?b=c&d=e#f", "me@example.com",
    "0", "1", "12", "123", "1234567890", "3.14159", "1,000,000", "-5", "+5", "5%", "$5.00", "1e-5", "0x1F", "2024-11-05T12:34:56Z",
    "v1.2.3-beta4", "a1b2c3", "1a2b3c", " 1", "  12", "1 2 3", "10 apples", "Room 101", "٣٤٥", "१२३", "１２３", "½", "a½b", " ½¾", "²³", "x²+y²", "Ⅷ Ⅸ", "①②③", "㊿",
    "def f(x):\n    return x + 1\n", "for (int i = 0; i < n; ++i) {\n\tsum += a[i];\n}", "SELECT * FROM t WHERE a = 'b' AND c >= 10;",
    "<html><body class=\"x\">Hi</body></html>", "{\"a\": [1, 2, {\"b\": null}]}", "#include <stdio.h>\nint main(void) { return 0; }",
    "fn main() -> Result<(), Box<dyn Error>> { Ok(()) }", "let x = y?.z ?? `a${b}c`;", "\\frac{a}{b} + \\sum_{i=0}^{n} x_i", "a && b || !c == d != e <<= 2",
    "if x == 1:\n\tpass\nelse:\n        pass", "    indented\n        more\n", "// comment\n/* block */", "```python\nprint('hi')\n```", "| a | b |\n|---|---|\n| 1 | 2 |",
    "# Title\n\n- item\n  - nested\n\n1. one\n2. two\n", "$ ls -la | grep '^d' > out.txt 2>&1", "C:\\Users\\x\\y.txt", "a/b/c/../d", "~!@#$%^&*()_+`-={}|[]\\:\";'<>?,./",
    "!!!", "???", "...", "......", "-----", "=====", "*****", "_____", "((((", "))))", "[[[]]]", "::::", ";;;;", "<>", "<|", "|>", "<||>", "<|im", "<|im_start", "im_start|>",
    "你好，世界！", "中文和English混排123", "日本語のテキストです。", "カタカナ ひらがな 漢字", "ﾊﾝｶｸ", "한국어 문장입니다.", "한글", "ไทยแลนด์", "Tiếng Việt có dấu", "Привет, мир!", "Ελληνικά",
    "שלום עולם", "مرحبا بالعالم", "हिन्दी पाठ", "தமிழ்", "ქართული", "Հայերեն", "አማርኛ", "ʻOkina", "naïve café résumé", "Ærøskøbing Łódź İstanbul ẞ", "ǅ ǈ ǋ", "ﬁ ﬂ ﬃ",
    "𝒜𝓑 𝟙𝟚𝟛", "𐍈𐌰", "𠜎𠜱", "🙂", "🙂🙃", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "hi 👋 there", "1️⃣2️⃣", "❤️", "☃☂★", "→←↑↓⇒", "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋", "αβγ δ", "½ cup", "°C ±5 µm", "©®™", "€£¥₹₿",
    "e\u0301", "é vs e\u0301", "n\u0303o", "Z\u0351\u0343\u0310a\u0324l\u0353g\u0348o", "\u0301", " \u0301", "a\u0301\u0302\u0303", "\u1100\u1161\u11a8", "\u0e01\u0e33",
    "a\u00a0b", "\u00a0", "\u00a0\u00a0a", "a\u2003b", "a\u2009b\u200ac", "a\u3000b", "\u3000\u3000", "a\u202fb", "a\u205fb", "\u1680", "a\u180eb", "a\u200bb", "a\u200c\u200db", "a\u2060b",
    "\ufeff", "\ufeffabc", "abc\ufeff def", " \ufeff ", "a\u0085b", "\u0085", " \u0085 \u0085x", "a\u2028b\u2029c", "\u200e\u200fabc", "\u202eabc\u202c", "\u00ad", "co\u00adop",
    "\x00", "a\x00b", "\x01\x02\x03", "\x07\x08", "\x1b[31mred\x1b[0m", "\x1c\x1d\x1e\x1f", "a\x1cb", "\x7f", "\x80\x81", "\x9f", "\ufffd", "\ufffe\uffff", "\ufdd0", "\ue000", "\U000f0000", "\U0010ffff",
    "a" * 300, "ab" * 200, " " * 100, "\n" * 50, "1" * 100, "😀" * 30, "中" * 60, "!" * 100, "aaa bbb " * 40, "\t" * 33, "'" * 20, "-" * 257,
    "supercalifragilisticexpialidocious", "Donaudampfschifffahrtsgesellschaftskapitän", "pneumonoultramicroscopicsilicovolcanoconiosis", "xyzzyplughqwertyzxcvbn", "AAAaaaBBBbbb", "iOS macOS eBay",
    "What is the capital of France?", "Explain quantum computing in simple terms.", "Write a haiku about autumn.\n", "Summarize:\n\n\"To be, or not to be\"", "Q: 2+2?\nA: 4", "  leading and trailing  ",
    "__init__", "__proto__", "constructor", "toString", "hasOwnProperty", "null undefined NaN", "%s %d %n", "{{ x }} {% if y %}", "\\n \\t \\u0041", "&lt;&amp;&gt;", "$&$1$$", "\\", "\\\\",
]

MARKUP = [
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", "a<|im_end|>b", " <|im_end|> ", "<|im_end|><|im_end|>", "<<|im_end|>>",
    "<|im_start|><|im_start", "<repo_name>x<file_sep>y", "<reponame><filename>", "<gh_stars>10<issue_start>", "<jupyter_code>print(1)<jupyter_output>1", "<empty_output>\n", "<|IM_END|>", "<| im_end |>",
    "1<|endoftext|>2", "é<|im_end|>\u0301", "\n<|im_end|>\n\n", "<issue_comment><issue_closed>", "<jupyter_start><jupyter_text><jupyter_script>",
]

CHATS = [
    [("user", "Hi")],
    [("user", "")],
    [("user", "\n\nleading newlines")],
    [("user", "trailing newlines\n\n")],
    [("user", "  spaces  ")],
    [("system", "You are terse."), ("user", "What is 2+2?")],
    [("system", ""), ("user", "x")],
    [("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello!"), ("user", "How are you?")],
    [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"), ("user", "e")],
    [("user", "a"), ("user", "b")],
    [("assistant", "I start.")],
    [("user", "Hi"), ("assistant", "")],
    [("user", "Wie geht's?"), ("assistant", "Gut, danke! 😊"), ("user", "你好")],
    [("user", "def f():\n    return 1\n"), ("assistant", "```python\nf()\n```")],
    [("user", "{{ messages }} {% raw %}")],
    [("user", "quotes \" and ' and \\ and \t")],
    [("user", "e\u0301 \u00a0 \u3000 \ufeff \u0085")],
    [("tool", "result: 42"), ("user", "thanks")],
    [("user", "Hi"), ("system", "late system"), ("user", "ok")],
    [("user", "x" * 500)],
    [("user", "1234567890"), ("assistant", "3.14"), ("user", "٣½²")],
    [("user", "im_start|> <| im_end")],
    [("system", "A\nB\nC"), ("user", "👨‍👩‍👧‍👦"), ("assistant", "\n"), ("user", "\t")],
    [("user", "\ufdd0 \ue000 \uffff")],
]


def random_strings(count: int) -> list[str]:
    """Pieces of every kind next to every other, which is where splits go wrong."""
    pieces = ["a", "the", " cat", "Zürich", "1", "42", "½", "٣", " ", "  ", "\n", "\t", "\u00a0", "\u3000", "\u0085", "\ufeff", "'s", "'", "!", "...", "<|", "|>",
              "中", "かな", "한", "🙂", "👍🏽", "e\u0301", "\u0301", "\u200d", "\x00", "\x1c", "_", "-", "=>", "(", ")", "{", "ß", "Я", "ا", "ि", "\u2028", "😀"]
    generator = random.Random(7)
    return ["".join(generator.choices(pieces, k=generator.randint(2, 12))) for _ in range(count)]


def main() -> None:
    directory = pathlib.Path(sys.argv[1])
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    chat = PreTrainedTokenizerFast.from_pretrained(directory)

    strings = []
    for text in PLAIN + MARKUP + random_strings(160):
        tokenizer.encode_special_tokens = True
        case = {"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids}
        tokenizer.encode_special_tokens = False
        markup = tokenizer.encode(text, add_special_tokens=False).ids
        if markup != case["ids"]:
            case["markup"] = markup
        decoded = tokenizer.decode(case["ids"], skip_special_tokens=True)
        if decoded != text:
            case["decoded"] = decoded
        strings.append(case)

    chats = []
    for turns in CHATS:
        messages = [{"role": role, "content": content} for role, content in turns]
        ids = chat.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
        chats.append({"messages": messages, "ids": ids})

    golden = {"strings": strings, "chats": chats}
    (HERE / "tokenizer.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{len(strings)} strings, {len(chats)} chats")


main()
