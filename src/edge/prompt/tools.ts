/** OpenAI's fields for tools → what is offered to the model; and messages that call tools or answer calls. */
import * as z from "zod";
import type { Tool } from "../../core/calls/family.ts";
import type { ChatCall, ChatMessage } from "../../core/model/chat.ts";
import { OutriderError } from "../../core/model/errors.ts";

/** As many as OpenAI takes. */
export const MAX_TOOLS = 128;
/** Characters of all tools together, as JSON: the model reads them with every request. */
const MAX_TOOL_CHARS = 128 * 1024;
/** Objects and arrays within each other, in schemas and arguments. */
const MAX_DEPTH = 64;
/**
 * Objects, arrays, texts and numbers in all tools together, and in the arguments of all calls of a conversation. A
 * template makes an object of each, and the model reads at least a token of each.
 */
const MAX_VALUES = 8192;
/** Calls of one message. */
export const MAX_CALLS = 128;
/** OpenAI's rule for names, which keeps them apart from the text around them. */
const NAME = /^[a-zA-Z0-9_-]{1,64}$/;

/** What tools an answer may call, and whether it must. Plain data: it crosses from the Worker to the Session. */
export interface Offer {
  readonly tools: readonly Tool[];
  /** `named` is one of the tools, which must be called. */
  readonly choice: "auto" | "required" | { readonly named: string };
  /** Whether one answer may make several calls. */
  readonly several: boolean;
}

const nameSchema = z
  .string()
  .regex(NAME, "must have 1 to 64 letters, digits, underscores and hyphens")
  .describe("1 to 64 letters, digits, underscores and hyphens.");

const toolSchema = z
  .object({
    type: z.string().describe("Only `function`."),
    function: z
      .object({
        name: nameSchema,
        description: z.string().nullish().describe("What it does, for the model to read."),
        parameters: z
          .record(z.string(), z.unknown(), { error: "must be a JSON Schema" })
          .nullish()
          .describe("A JSON Schema of the arguments, which are an object. Without one the function takes none."),
        strict: z
          .boolean()
          .nullish()
          .describe(
            "Arguments always meet the schema, also where the model need not call: what cannot be enforced is " +
              "refused. Default false.",
          ),
      })
      .optional(),
  })
  .meta({ id: "Tool", description: "A function that the model may call." });

const namedSchema = z.looseObject({
  type: z.string(),
  function: z.object({ name: z.string() }).optional(),
  allowed_tools: z
    .object({ mode: z.enum(["auto", "required"]), tools: z.array(z.looseObject({ type: z.string() })) })
    .optional(),
});

const CHOICE =
  'must be "none", "auto", "required", {"type": "function", "function": {"name": …}} or ' +
  '{"type": "allowed_tools", …}';

/** Fields of a chat request, all optional. */
export const TOOL_FIELDS = {
  tools: z
    .array(toolSchema)
    .max(MAX_TOOLS, `must hold at most ${MAX_TOOLS} tools`)
    .nullish()
    .describe(`Functions that the model may call, at most ${MAX_TOOLS}.`),
  tool_choice: z
    .union([z.enum(["none", "auto", "required"]), namedSchema], { error: CHOICE })
    .nullish()
    .describe(
      "`none`: the model hears of no tools. `auto`: it calls where it wants to. `required`: it must call one. An " +
        "object names the function that it must call, or the tools that are allowed. Default `auto`.",
    ),
  parallel_tool_calls: z
    .boolean()
    .nullish()
    .describe("Whether one answer may make several calls; otherwise it ends behind its first. Default true."),
};

type ToolFields = z.infer<z.ZodObject<typeof TOOL_FIELDS>>;
type Choice = z.infer<typeof namedSchema>;

/** Null where no tools are offered. Throws a 400 with the field's place. */
export function offerOf({ tools, tool_choice: choice, parallel_tool_calls: parallel }: ToolFields): Offer | null {
  const offered = (tools ?? []).map(toolOf);
  const { length } = JSON.stringify(tools ?? []);
  if (length > MAX_TOOL_CHARS) {
    throw invalid("tools", `have ${length} characters together; the limit is ${MAX_TOOL_CHARS}. Offer fewer at a time`);
  }
  checkValues(
    offered.map(({ parameters }) => parameters),
    "tools",
    "their parameters",
  );
  for (const [at, { name }] of offered.entries()) {
    if (offered.findIndex((other) => other.name === name) < at)
      throw invalid(`tools[${at}].function.name`, `there are two tools named ${JSON.stringify(name)}`);
  }
  if (choice === "none" || (offered.length === 0 && (choice == null || choice === "auto"))) return null;
  if (offered.length === 0) throw invalid("tool_choice", "there is nothing to call; send tools");
  const several = parallel ?? true;
  if (choice == null || typeof choice === "string") return { tools: offered, choice: choice ?? "auto", several };
  return { several, ...chosen(choice, offered) };
}

function chosen(choice: Choice, tools: readonly Tool[]): Pick<Offer, "tools" | "choice"> {
  const known = (name: string | undefined): string => {
    if (name !== undefined && tools.some((tool) => tool.name === name)) return name;
    throw invalid("tool_choice", `no tool is named ${JSON.stringify(name ?? null)}; name one of those in tools`);
  };
  if (choice.type === "function") return { tools, choice: { named: known(choice.function?.name) } };
  const { allowed_tools: allowed } = choice;
  if (choice.type !== "allowed_tools" || !allowed) throw invalid("tool_choice", CHOICE);
  const names = allowed.tools.map((tool) => known((tool.function as { name?: string } | undefined)?.name));
  if (names.length === 0) throw invalid("tool_choice", "allows no tool; use none");
  return { tools: tools.filter(({ name }) => names.includes(name)), choice: allowed.mode };
}

function toolOf({ type, function: given }: z.infer<typeof toolSchema>, at: number): Tool {
  const place = `tools[${at}]`;
  if (type !== "function") throw unsupported(place, `only functions are called, got ${JSON.stringify(type)}`);
  if (!given) throw invalid(`${place}.function`, "is missing");
  const { name, description, parameters, strict } = given;
  if (isDeeperThan(parameters, MAX_DEPTH))
    throw invalid(`${place}.function.parameters`, `nests more than ${MAX_DEPTH} levels deep`);
  return {
    name,
    ...(description != null && { description }),
    ...(parameters != null && { parameters }),
    strict: strict ?? false,
  };
}

/** Throws a 400 where a conversation's calls have too many arguments, however they are spread. */
export const checkArguments = (messages: readonly ChatMessage[]): void =>
  checkValues(
    messages.flatMap(({ calls = [] }) => calls.map(({ arguments: given }) => given)),
    "messages",
    "the arguments of all calls",
  );

function checkValues(all: readonly unknown[], param: string, what: string): void {
  let left = MAX_VALUES;
  const count = (value: unknown): void => {
    if (left-- === 0) {
      throw invalid(param, `${what} hold more than ${MAX_VALUES} values together, the limit; send fewer`);
    }
    if (typeof value === "object" && value !== null) for (const inner of Object.values(value)) count(inner);
  };
  for (const value of all) count(value);
}

/** What messages may hold beside their text. */
export const MESSAGE_FIELDS = {
  tool_calls: z
    .array(
      z.looseObject({
        id: z.string().max(256).describe("By which a `tool` message answers it."),
        type: z.string().nullish().describe("Only `function`."),
        function: z
          .object({ name: nameSchema, arguments: z.string().describe("JSON of an object.") })
          .optional()
          .describe("What is called."),
      }),
    )
    .max(MAX_CALLS, `must hold at most ${MAX_CALLS} calls`)
    .nullish()
    .describe("Of an `assistant`: the calls that it made."),
  tool_call_id: z.string().max(256).nullish().describe("Of a `tool` message: the call that it answers."),
  function_call: z.unknown().optional().describe("Refused unless null: send `tool_calls`."),
};

type MessageFields = z.infer<z.ZodObject<typeof MESSAGE_FIELDS>> & { readonly role: string };

/** What a message calls or answers. Throws a 400 with the place of what is wrong. */
export function callsOf(message: MessageFields, at: string): { calls?: readonly ChatCall[]; callId?: string } {
  const { role, tool_calls: calls, tool_call_id: callId, function_call: old } = message;
  if (old) throw unsupported(`${at}.function_call`, "is an older form; send tool_calls");
  if (role === "tool") {
    if (callId == null) throw invalid(`${at}.tool_call_id`, "is missing; name the call that the message answers");
    return { callId };
  }
  if (!calls?.length) return {};
  if (role !== "assistant") throw invalid(`${at}.tool_calls`, "only an assistant calls tools");
  return { calls: calls.map((call, i) => callOf(call, `${at}.tool_calls[${i}]`)) };
}

type ToolCallField = NonNullable<MessageFields["tool_calls"]>[number];

function callOf({ id, type, function: called }: ToolCallField, place: string): ChatCall {
  if (type != null && type !== "function")
    throw unsupported(place, `only functions are called, got ${JSON.stringify(type)}`);
  if (!called) throw invalid(`${place}.function`, "is missing");
  return { id, name: called.name, arguments: argumentsIn(called.arguments, `${place}.function.arguments`) };
}

/** Some clients write nothing for no arguments. */
function argumentsIn(json: string, place: string): object {
  let given: unknown;
  try {
    given = JSON.parse(json.trim() === "" ? "{}" : json);
  } catch {
    throw invalid(place, "is not JSON; leave a call that broke off out of the conversation");
  }
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw invalid(place, "must be the JSON of an object");
  if (isDeeperThan(given, MAX_DEPTH)) throw invalid(place, `nests more than ${MAX_DEPTH} levels deep`);
  return given;
}

function isDeeperThan(value: unknown, most: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return most === 0 || Object.values(value).some((inner) => isDeeperThan(inner, most - 1));
}

const invalid = (param: string, why: string) => new OutriderError("invalid_request", `${param}: ${why}`, { param });
const unsupported = (param: string, why: string) =>
  new OutriderError("unsupported_value", `${param}: ${why}`, { param });
