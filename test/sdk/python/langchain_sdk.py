"""LangChain for Python."""

from adapter import rest, serve
from langchain_core.messages import convert_to_messages
from langchain_openai import ChatOpenAI, OpenAI

NAMED = ("messages", "input", "stream", "temperature", "max_tokens", "max_output_tokens", "n", "stop", "seed")
MORE = ("presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs")
CALL = ("tools", "tool_choice", "response_format", "previous_response_id")


def model_of(service, fields, **more):
    named = {name: fields[name] for name in ("temperature", "n", "stop", "seed", *MORE) if name in fields}
    limit = fields.get("max_tokens", fields.get("max_output_tokens"))
    extra = rest(fields, *NAMED, *MORE, *CALL)
    own = {"extra_body": {"outrider": extra.pop("outrider")}} if "outrider" in extra else {}
    return ChatOpenAI(
        model=service["model"],
        base_url=service["url"] + "/v1",
        api_key=service["key"],
        max_retries=0,
        stream_usage=True,
        model_kwargs=extra,
        **({"max_tokens": limit} if limit else {}),
        **named,
        **own,
        **more,
    )


def result_of(message):
    usage = message.usage_metadata or {}
    told = message.response_metadata
    content = (told.get("logprobs") or {}).get("content")
    details = (told.get("token_usage") or {}).get("completion_tokens_details") or {}
    return {
        "text": message.text if isinstance(message.text, str) else message.text(),
        "id": told.get("id") or message.id,
        "finish": told.get("finish_reason"),
        "promptTokens": usage.get("input_tokens"),
        "completionTokens": usage.get("output_tokens"),
        "accepted": details.get("accepted_prediction_tokens"),
        "calls": [{"name": call["name"], "arguments": call["args"]} for call in message.tool_calls],
        "logprobs": {"tokens": len(content), "alternatives": len(content[0]["top_logprobs"])} if content else None,
    }


def ask(service, fields, **more):
    model = model_of(service, fields, **more)
    messages = fields.get("messages", fields.get("input"))
    options = {name: fields[name] for name in CALL if name in fields}
    if fields.get("stream"):
        whole, pieces = None, 0
        for chunk in model.stream(messages, **options):
            whole = chunk if whole is None else whole + chunk
            pieces += bool(chunk.text)
        return {**result_of(whole), "pieces": pieces}
    if fields.get("n", 1) > 1:
        choices = [choice.text for choice in model.generate([convert_to_messages(messages)], **options).generations[0]]
        return {"text": choices[0], "choices": choices}
    return result_of(model.invoke(messages, **options))


def completion(service, fields):
    model = OpenAI(
        model=service["model"],
        base_url=service["url"] + "/v1",
        api_key=service["key"],
        max_retries=0,
        temperature=fields["temperature"],
        max_tokens=fields["max_tokens"],
    )
    if fields.get("stream"):
        return {"text": "".join(model.stream(fields["prompt"]))}
    return {"text": model.invoke(fields["prompt"])}


def abort(service, fields):
    stream = model_of(service, fields).stream(fields["messages"])
    next(stream)
    stream.close()
    return {"text": ""}


serve(
    chat=lambda service, fields: ask(service, fields),
    response=lambda service, fields: ask(service, fields, use_responses_api=True, output_version="responses/v1"),
    completion=completion,
    abort=abort,
)
