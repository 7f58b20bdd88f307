"""openai for Python."""

from adapter import StreamedChat, chat_result, rest, serve, usage_of
from openai import OpenAI


def client(service):
    return OpenAI(base_url=service["url"] + "/v1", api_key=service["key"], max_retries=0)


def body(service, fields):
    """Outrider's own options have no name in the SDK."""
    own = {name: fields[name] for name in ("outrider",) if name in fields}
    return {"model": service["model"], **rest(fields, "outrider"), **({"extra_body": own} if own else {})}


def chat(service, fields):
    asked = body(service, fields)
    if not fields.get("stream"):
        return chat_result(client(service).chat.completions.create(**asked))
    streamed = StreamedChat()
    for chunk in client(service).chat.completions.create(**asked, stream_options={"include_usage": True}):
        streamed.add(chunk)
    return streamed.result()


def completion(service, fields):
    answer = client(service).completions.create(**body(service, fields))
    if fields.get("stream"):
        return {"text": "".join(chunk.choices[0].text for chunk in answer if chunk.choices)}
    return {"text": answer.choices[0].text, **usage_of(answer.usage)}


def response(service, fields):
    if not fields.get("stream"):
        answer = client(service).responses.create(**body(service, fields))
        return {"id": answer.id, "text": answer.output_text, **usage_of(answer.usage)}
    pieces = 0
    with client(service).responses.stream(**body(service, rest(fields, "stream"))) as stream:
        for event in stream:
            pieces += event.type == "response.output_text.delta"
        # The helper's final response is of completed ones alone.
        answer = event.response
    return {"id": answer.id, "text": answer.output_text, "pieces": pieces, **usage_of(answer.usage)}


def abort(service, fields):
    stream = client(service).chat.completions.create(**body(service, fields))
    next(iter(stream))
    stream.close()
    return {"text": ""}


def models(service, _):
    return {"text": "", "ids": [model.id for model in client(service).models.list()]}


serve(models=models, chat=chat, completion=completion, response=response, abort=abort)
