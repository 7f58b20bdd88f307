"""Golden chats for test/model/templates.test.ts: templates in the manner of four families, rendered by `transformers`.

    python test/golden/make_templates.py

Writes templates.json beside this file: for each family its template, its special tokens, and what transformers makes of
each chat, null where the template refuses it. The templates are written here. They use what the publishers' templates
use of Jinja: defaults for a missing system prompt, namespaces, reversed lists, neighbours in a loop, string methods,
tests, and refusals.
"""

import json
import pathlib

from transformers.utils.chat_template_utils import render_jinja_template

HERE = pathlib.Path(__file__).parent

QWEN25 = """
{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- else %}
    {{- '<|im_start|>system\\nYou are a default.<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == "user" or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.index0 == 0 or messages[loop.index0 - 1].role != "tool" %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\\n<tool_response>\\n' ~ message.content ~ '\\n</tool_response>' }}
        {%- if loop.last or messages[loop.index0 + 1].role != "tool" %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""

QWEN3 = """
{%- set seen = namespace(open=true, query=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if seen.open and message.role == "user" and not message.content.startswith('<tool_response>') %}
        {%- set seen.open = false %}
        {%- set seen.query = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content if message.content is string else '' %}
    {%- if message.role == "assistant" %}
        {%- set thought = '' %}
        {%- if '</think>' in content %}
            {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > seen.query and (loop.last or thought) %}
            {{- '<|im_start|>assistant\\n<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>assistant\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}
"""

LLAMA3 = """
{{- bos_token }}
{%- if not date_string is defined %}{%- set date_string = "26 Jul 2024" %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\nToday: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
    {%- elif message.role in ["tool", "ipython"] %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping %}{{- message.content | tojson }}{%- else %}{{- message.content }}{%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}
"""

MISTRAL = """
{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set users = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("roles must alternate") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token }}
    {%- else %}
        {{- raise_exception("only user and assistant") }}
    {%- endif %}
{%- endfor %}
{{- "" if users|length > 0 else raise_exception("nobody asks") }}
"""

CHATML = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# Name, template, special tokens, of which the first begins a text and the last ends an answer.
FAMILIES = [
    ("Qwen2.5", QWEN25, CHATML),
    ("Qwen3", QWEN3, CHATML),
    ("Llama 3", LLAMA3, ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]),
    ("Mistral", MISTRAL, ["<s>", "[INST]", "[/INST]", "</s>"]),
]

CHATS = [
    [("user", "Hi")],
    [("user", "")],
    [("user", "  the spaces \n\n")],
    [("system", "Be terse."), ("user", "the")],
    [("system", " \n"), ("user", "the")],
    [("user", "a"), ("assistant", "b"), ("user", "c")],
    [("system", "S"), ("user", "a"), ("assistant", " b\n"), ("user", "c"), ("assistant", "d")],
    [("user", "a"), ("user", "b")],
    [("assistant", "I start.")],
    [("user", "a"), ("assistant", "<think>\nwhy\n</think>\n\nso"), ("user", "b"), ("assistant", "<think>\n\nyes\n\n</think>\n\nno")],
    [("user", "a"), ("tool", "1"), ("tool", "2"), ("user", "<tool_response>x")],
    [("user", "a"), ("system", "late"), ("user", "b")],
    [("user", "{{ x }} {% if %} é 🙂 \t")],
]


def rendered(template: str, specials: list[str], messages: list[dict]) -> str | None:
    try:
        texts, _ = render_jinja_template(
            [messages], chat_template=template, add_generation_prompt=True, bos_token=specials[0], eos_token=specials[-1]
        )
    except Exception:
        return None
    return texts[0]


def main() -> None:
    chats = [[{"role": role, "content": content} for role, content in turns] for turns in CHATS]
    families = [
        {"name": name, "template": template, "specials": specials, "texts": [rendered(template, specials, chat) for chat in chats]}
        for name, template, specials in FAMILIES
    ]
    golden = {"chats": chats, "families": families}
    (HERE / "templates.json").write_text(json.dumps(golden, indent=1) + "\n")
    for family in families:
        print(family["name"], sum(text is not None for text in family["texts"]), "of", len(chats))


main()
