"""pydantic-ai: chat completions, or the Responses API."""

import asyncio

from adapter import NoSuchCall, rest, serve
from openai import AsyncOpenAI
from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.tools import ToolDefinition

NAMED = ("messages", "input", "stream", "tools", "tool_choice", "max_output_tokens", "stop", "previous_response_id")
SETTINGS = ("temperature", "max_tokens", "seed", "presence_penalty", "frequency_penalty", "logit_bias")


def messages_of(fields):
    if "input" in fields:
        return [ModelRequest(parts=[UserPromptPart(content=fields["input"])])]
    made = []
    for message in fields["messages"]:
        content = message["content"]
        if message["role"] == "tool":
            part = ToolReturnPart(tool_name="look_up", content=content, tool_call_id=message["tool_call_id"])
            made.append(ModelRequest(parts=[part]))
        elif message.get("tool_calls"):
            calls = [(call["id"], call["function"]) for call in message["tool_calls"]]
            parts = [ToolCallPart(tool_name=of["name"], args=of["arguments"], tool_call_id=id) for id, of in calls]
            made.append(ModelResponse(parts=parts))
        elif message["role"] == "assistant":
            made.append(ModelResponse(parts=[TextPart(content=content)]))
        else:
            part = SystemPromptPart if message["role"] == "system" else UserPromptPart
            made.append(ModelRequest(parts=[part(content=content)]))
    return made


def settings_of(fields):
    settings = {name: fields[name] for name in SETTINGS if name in fields}
    if "stop" in fields:
        settings["stop_sequences"] = fields["stop"]
    if "max_output_tokens" in fields:
        settings["max_tokens"] = fields["max_output_tokens"]
    if "previous_response_id" in fields:
        settings["openai_previous_response_id"] = fields["previous_response_id"]
    if "prediction" in fields:
        settings["openai_prediction"] = fields["prediction"]
    extra = rest(fields, *NAMED, *SETTINGS, "prediction")
    if isinstance(fields.get("tool_choice"), dict):
        raise NoSuchCall("tool_choice of one tool")
    if any(name in extra for name in ("n", "response_format", "logprobs")):
        raise NoSuchCall(", ".join(extra))
    return {**settings, **({"extra_body": extra} if extra else {})}


def parameters_of(fields):
    tools = [
        ToolDefinition(
            name=tool["function"]["name"],
            description=tool["function"]["description"],
            parameters_json_schema=tool["function"]["parameters"],
        )
        for tool in fields.get("tools", [])
    ]
    return ModelRequestParameters(function_tools=tools, allow_text_output=not tools)


def result_of(answer):
    calls = [part for part in answer.parts if isinstance(part, ToolCallPart)]
    return {
        "text": "".join(part.content for part in answer.parts if isinstance(part, TextPart)),
        "id": answer.provider_response_id,
        "promptTokens": answer.usage.input_tokens,
        "completionTokens": answer.usage.output_tokens,
        "accepted": answer.usage.details.get("accepted_prediction_tokens"),
        "calls": [{"name": call.tool_name, "arguments": call.args_as_dict()} for call in calls],
    }


async def asked(kind, service, fields):
    client = AsyncOpenAI(base_url=service["url"] + "/v1", api_key=service["key"], max_retries=0)
    model = kind(service["model"], provider=OpenAIProvider(openai_client=client))
    given = {"model_settings": settings_of(fields), "model_request_parameters": parameters_of(fields)}
    if not fields.get("stream"):
        return result_of(await model_request(model, messages_of(fields), **given))
    pieces = 0
    async with model_request_stream(model, messages_of(fields), **given) as stream:
        async for _ in stream:
            pieces += 1
        return {**result_of(stream.get()), "pieces": pieces}


async def left(service, fields):
    client = AsyncOpenAI(base_url=service["url"] + "/v1", api_key=service["key"], max_retries=0)
    model = OpenAIChatModel(service["model"], provider=OpenAIProvider(openai_client=client))
    async with model_request_stream(model, messages_of(fields), model_settings=settings_of(fields)) as stream:
        async for _ in stream:
            break
    return {"text": ""}


serve(
    chat=lambda service, fields: asyncio.run(asked(OpenAIChatModel, service, fields)),
    response=lambda service, fields: asyncio.run(asked(OpenAIResponsesModel, service, fields)),
    abort=lambda service, fields: asyncio.run(left(service, fields)),
)
