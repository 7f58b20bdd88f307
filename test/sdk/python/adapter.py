"""Serves an adapter's operations over lines of JSON (client.ts)."""

import json
import sys


class NoSuchCall(Exception):
    """The SDK has no such call, or no way to pass a field."""


def rest(fields, *known):
    """Fields that an SDK has no name for."""
    return {name: value for name, value in fields.items() if name not in known}


def status_of(error):
    """SDKs wrap errors of others."""
    while error is not None:
        status = getattr(error, "status_code", None)
        if isinstance(status, int):
            return status
        error = error.__cause__ or error.__context__
    return None


def usage_of(usage):
    if usage is None:
        return {"promptTokens": None, "completionTokens": None, "accepted": None}
    details = getattr(usage, "completion_tokens_details", None)
    return {
        "promptTokens": getattr(usage, "prompt_tokens", None) or getattr(usage, "input_tokens", None),
        "completionTokens": getattr(usage, "completion_tokens", None) or getattr(usage, "output_tokens", None),
        "accepted": getattr(details, "accepted_prediction_tokens", None),
    }


def chat_result(answer):
    """A chat completion of OpenAI's shape."""
    first = answer.choices[0]
    content = getattr(getattr(first, "logprobs", None), "content", None)
    return {
        "text": first.message.content or "",
        "finish": first.finish_reason,
        "choices": [choice.message.content or "" for choice in answer.choices],
        "calls": [
            {"name": call.function.name, "arguments": json.loads(call.function.arguments)}
            for call in first.message.tool_calls or []
        ],
        "logprobs": {"tokens": len(content), "alternatives": len(content[0].top_logprobs)} if content else None,
        **usage_of(getattr(answer, "usage", None)),
    }


class StreamedChat:
    """Chunks of OpenAI's shape, put together."""

    def __init__(self):
        self.text = ""
        self.pieces = 0
        self.calls = {}
        self.usage = None

    def add(self, chunk):
        self.usage = getattr(chunk, "usage", None) or self.usage
        for choice in chunk.choices:
            if choice.delta.content:
                self.text += choice.delta.content
                self.pieces += 1
            for call in choice.delta.tool_calls or []:
                own = self.calls.setdefault(call.index, {"name": "", "arguments": ""})
                own["name"] += call.function.name or ""
                own["arguments"] += call.function.arguments or ""

    def result(self):
        calls = [{"name": call["name"], "arguments": json.loads(call["arguments"])} for call in self.calls.values()]
        return {"text": self.text, "pieces": self.pieces, "calls": calls, **usage_of(self.usage)}


def serve(**operations):
    """Operations by name: (service, fields) -> Result."""
    out = sys.stdout
    sys.stdout = sys.stderr
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if asked["operation"] not in operations:
                raise NoSuchCall(asked["operation"])
            reply = {"result": operations[asked["operation"]](asked["service"], asked["fields"])}
        except NoSuchCall as error:
            reply = {"none": str(error)}
        except Exception as error:  # noqa: BLE001
            reply = {"error": {"message": str(error), "status": status_of(error)}}
        out.write(json.dumps(reply) + "\n")
        out.flush()
