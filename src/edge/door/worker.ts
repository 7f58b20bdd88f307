/**
 * The edge Worker: routes, keys, limits. It stays light (no tokenizer, no WASM here), because an invocation of a Worker
 * has 10 ms of CPU on the Free plan; the Session Durable Object that forward.ts hands to does the work.
 */
import type { Context, MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { requestId } from "hono/request-id";
import { Hono } from "hono/tiny";
import { OutriderError } from "../../core/model/errors.ts";
import { jsonBody, throwAway } from "../api/body.ts";
import { errorResponse } from "../api/error-response.ts";
import { parseInfill, parseLlamaCompletion } from "../api/llama/request.ts";
import { properties, slots } from "../api/llama/server.ts";
import { parseCount } from "../api/messages/count.ts";
import { messagesError } from "../api/messages/form.ts";
import { parseMessages } from "../api/messages/request.ts";
import { IGNORED, withoutEffect } from "../api/openai/fields.ts";
import { parseChat, parseCompletion } from "../api/openai/openai.ts";
import { modelObject } from "../api/openai/reply.ts";
import { parseResponses } from "../api/responses/request.ts";
import { parseDetokenize, parseTemplate, parseTokenize } from "../api/tokens/question.ts";
import type { Env } from "../env.ts";
import { originsOf } from "../origins/origins.ts";
import { describedModel, servedModel } from "../prompt/target.ts";
import { FairShare } from "../session/fair-share.ts";
import { fromStorage } from "../store/storage-failure.ts";
import { authenticate, checkStranger, type Tenant } from "../tenant/tenant.ts";
import { forward } from "./forward.ts";
import { type Later, placed } from "./placed.ts";
import { OriginWatch } from "./readiness.ts";
import { storedResponse } from "./stored-responses.ts";
import { askTokens } from "./token-questions.ts";

export { SessionObject as Session } from "../session/session-object.ts";
export { Meter } from "../tenant/meter.ts";

/** What scripts of other pages may read. */
const EXPOSED = [
  ...["x-request-id", "x-should-retry", "retry-after", IGNORED],
  ...["limit", "remaining", "reset"].flatMap((what) => [`x-ratelimit-${what}-requests`, `x-ratelimit-${what}-tokens`]),
];

/** Routes about tokens, as llama.cpp and vLLM have them. */
const TOKEN_ROUTES = {
  "/tokenize": parseTokenize,
  "/detokenize": parseDetokenize,
  "/apply-template": parseTemplate,
} as const;

/** Routes of llama-server's own. */
const LLAMA_ROUTES = { "/infill": parseInfill, "/completion": parseLlamaCompletion } as const;

/** Of this isolate's thread, among keys. */
const fairShare = new FairShare(Date.now, (then, ms) => void setTimeout(then, ms));

/** Whether the origins are well. */
const watch = new OriginWatch(Date.now);

const laterOf =
  ({ executionCtx }: Context): Later =>
  (work) =>
    executionCtx.waitUntil(work);

interface Known {
  Bindings: Env;
  Variables: { requestId: string; tenant: Tenant };
}

const app = new Hono<Known>();

// Browsers name what they will send (authorization, content-type, x-stainless-*) and the answer repeats it.
app.use(cors({ origin: "*", exposeHeaders: EXPOSED, maxAge: 86_400 }));
// Whoever is refused before the body was read hears why.
app.use(async (c, next) => {
  await next();
  if (!c.req.raw.bodyUsed) await throwAway(c.req.raw);
});
app.use(requestId({ generator: () => `req_${crypto.randomUUID().replaceAll("-", "")}` }));

/** Anthropic's clients send the key so. */
const keyHeader = (key: string | undefined): string | null => (key === undefined ? null : `Bearer ${key}`);

/** Finds out who asks. */
const identified: MiddlewareHandler<Known> = async (c, next) => {
  const asked = authenticate(c.req.header("authorization") ?? keyHeader(c.req.header("x-api-key")), c.env);
  const tenant = await asked.catch(async (error: OutriderError) => {
    if (error.status === 401) await checkStranger(c.req.raw, c.env);
    throw error;
  });
  if (tenant.name === null) await checkStranger(c.req.raw, c.env);
  c.set("tenant", tenant);
  await next();
};

/** Whose share of the thread it is. Where the API is open, all are one. */
const keyOf = ({ tenant }: Pick<Known["Variables"], "tenant">): string => tenant.name ?? "";

/** Lets what several keys ask begin in turn. */
const inTurn: MiddlewareHandler<Known> = async (c, next) => {
  const begun = await fairShare.begin(keyOf(c.var), c.req.raw.signal);
  try {
    await next();
  } finally {
    begun();
  }
};
for (const paths of ["/v1/*", "/props", "/slots", ...Object.keys(TOKEN_ROUTES), ...Object.keys(LLAMA_ROUTES)])
  app.use(paths, identified, inTurn);

app.get("/health", async (c) =>
  c.json({
    status: "ok",
    sessions: (await placed(c.req.raw, c.env, laterOf(c))).placement,
  }),
);

app.get("/health/ready", async (c) => {
  const model = await describedModel(c.env.ASSETS).catch(() => null);
  const readiness = await watch.readiness(model?.model ?? null, originsOf(c.env));
  return c.json(readiness, readiness.status === "ready" ? 200 : 503);
});

app.get("/v1/models", async (c) =>
  c.json({ object: "list", data: [modelObject((await describedModel(c.env.ASSETS)).model)] }),
);

app.get("/v1/models/:id{.+}", async (c) => {
  return c.json(modelObject(await servedModel(c.req.param("id"), c.env)));
});

app.get("/v1/usage/:name?", async (c) => {
  const { isOperator, record } = c.var.tenant;
  const name = c.req.param("name") ?? record?.name;
  if (name === undefined || !(isOperator || name === record?.name)) throw noUsage();
  const read = async () => (await c.env.METER?.getByName(name).usage()) ?? [];
  const days = await fromStorage(read, "the usage of a key cannot be read");
  return c.json({ object: "usage", key: name, days });
});

for (const [path, parse] of Object.entries({ "/v1/chat/completions": parseChat, "/v1/completions": parseCompletion })) {
  app.post(path, async (c) => {
    const body = await jsonBody(c.req.raw, keyOf(c.var));
    const answer = await forward(parse(body, randomSeed), c.var, c.req.raw, c.env, laterOf(c));
    return tellIgnored(withoutEffect(body as Readonly<Record<string, unknown>>), answer);
  });
}

for (const [path, parse] of Object.entries(LLAMA_ROUTES)) {
  app.post(path, async (c) => {
    const { generation, dialect, ignored } = parse(await jsonBody(c.req.raw, keyOf(c.var)), randomSeed);
    return tellIgnored(ignored, await forward(generation, c.var, c.req.raw, c.env, laterOf(c), dialect));
  });
}

app.get("/props", async (c) => c.json(properties(await describedModel(c.env.ASSETS))));

app.get("/slots", async (c) => c.json(slots(await describedModel(c.env.ASSETS))));

app.post("/v1/responses", async (c) => {
  const { generation, dialect, ignored } = parseResponses(await jsonBody(c.req.raw, keyOf(c.var)), randomSeed);
  return tellIgnored(ignored, await forward(generation, c.var, c.req.raw, c.env, laterOf(c), dialect));
});

app.post("/v1/messages", async (c) => {
  const { generation, ignored } = parseMessages(await jsonBody(c.req.raw, keyOf(c.var)), randomSeed);
  return tellIgnored(ignored, await forward(generation, c.var, c.req.raw, c.env, laterOf(c), { kind: "messages" }));
});

app.post("/v1/messages/count_tokens", async (c) => {
  const request = parseCount(await jsonBody(c.req.raw, keyOf(c.var)));
  await servedModel(request.model, c.env);
  return askTokens(request, c.var.tenant, c.req.header("x-session-affinity") ?? null, c.env);
});

app.on(["GET", "DELETE"], "/v1/responses/:id", (c) =>
  storedResponse(c.req.param("id"), c.req.method, c.var.tenant, c.env),
);

for (const [path, parse] of Object.entries(TOKEN_ROUTES)) {
  app.post(path, async (c) => {
    const request = parse(await jsonBody(c.req.raw, keyOf(c.var)));
    if (request.model !== null) await servedModel(request.model, c.env);
    return askTokens(request, c.var.tenant, c.req.header("x-session-affinity") ?? null, c.env);
  });
}

app.notFound((c) => {
  const { method, path } = c.req;
  const allowed = methodsOf(path);
  if (allowed.length === 0) {
    return errorResponse(new OutriderError("not_found", `no such route: ${method} ${path}`, { status: 404 }));
  }
  const others = new OutriderError("method_not_allowed", `${path} takes ${allowed.join(", ")}, not ${method}`, {
    status: 405,
  });
  const response = errorResponse(others);
  response.headers.set("allow", allowed.join(", "));
  return response;
});

app.onError((error, c) => {
  if (!(error instanceof OutriderError)) console.error(c.var.requestId, error);
  return errorResponse(error, /^\/v1\/messages(?:\/|$)/.test(c.req.path) ? messagesError : undefined);
});

export default app;

/** The methods that a path has, as the routes above say. */
const methodsOf = (path: string): string[] =>
  ["GET", "POST", "DELETE"].filter((method) =>
    app.router.match(method, path)[0].some(([[, route]]) => route.method === method),
  );

/** Names in a header what of a request was without effect. */
function tellIgnored(names: readonly string[], answer: Response): Response {
  if (names.length > 0) answer.headers.set(IGNORED, names.join(", "));
  return answer;
}

const noUsage = () =>
  new OutriderError("not_found", "a key reads its own usage at /v1/usage; that of others takes OPERATOR_KEY", {
    status: 404,
  });

const randomSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0] as number;
