"""LiteLLM."""

import litellm
from adapter import StreamedChat, chat_result, rest, serve, usage_of

litellm.suppress_debug_info = True


def body(service, fields):
    own = {"extra_body": {"outrider": fields["outrider"]}} if "outrider" in fields else {}
    return {
        "model": "openai/" + service["model"],
        "api_base": service["url"] + "/v1",
        "api_key": service["key"],
        "num_retries": 0,
        "max_retries": 0,
        **rest(fields, "outrider"),
        **own,
    }


def chat(service, fields):
    answer = litellm.completion(
        **body(service, fields), **({"stream_options": {"include_usage": True}} if fields.get("stream") else {})
    )
    if not fields.get("stream"):
        return chat_result(answer)
    streamed = StreamedChat()
    for chunk in answer:
        streamed.add(chunk)
    return streamed.result()


def completion(service, fields):
    asked = body(service, fields)
    asked["model"] = "text-completion-openai/" + service["model"]
    answer = litellm.text_completion(**asked)
    if fields.get("stream"):
        return {"text": "".join(chunk.choices[0].text or "" for chunk in answer if chunk.choices)}
    return {"text": answer.choices[0].text, **usage_of(answer.usage)}


def text_of(answer):
    parts = [part for item in answer.output if item.type == "message" for part in item.content]
    return "".join(part.text for part in parts)


def response(service, fields):
    answer = litellm.responses(**body(service, fields))
    pieces = 0
    if fields.get("stream"):
        for event in answer:
            kind = str(getattr(event.type, "value", event.type))
            pieces += kind == "response.output_text.delta"
            if kind in ("response.completed", "response.incomplete"):
                answer = event.response
    return {"id": answer.id, "text": text_of(answer), "pieces": pieces, **usage_of(answer.usage)}


def abort(service, fields):
    stream = litellm.completion(**body(service, fields))
    next(iter(stream))
    del stream
    return {"text": ""}


serve(chat=chat, completion=completion, response=response, abort=abort)
