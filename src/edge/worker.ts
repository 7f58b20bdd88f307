/**
 * The edge Worker: routes, keys, limits. It stays light (no tokenizer, no WASM here), because an invocation of a Worker
 * has 10 ms of CPU on the Free plan; the Session Durable Object it forwards to does the work.
 */
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { requestId } from "hono/request-id";
import { OutriderError } from "../model/errors.ts";
import type { Env } from "./env.ts";
import { type Generation, parseChat, parseCompletion } from "./openai.ts";
import { hinted, placementOf } from "./placement.ts";
import { errorResponse, modelObject } from "./reply.ts";
import { describedModel } from "./target.ts";
import { authenticate, sessionName } from "./tenant.ts";

export { Session } from "./session.ts";

const MAX_BODY = 1024 * 1024;

const app = new Hono<{ Bindings: Env; Variables: { requestId: string; tenant: string } }>();

// Browsers name what they will send (authorization, content-type, x-stainless-*) and the answer repeats it.
app.use(cors({ origin: "*", exposeHeaders: ["x-request-id", "x-should-retry", "retry-after"], maxAge: 86_400 }));
app.use(requestId({ generator: () => `req_${crypto.randomUUID().replaceAll("-", "")}` }));
app.use("/v1/*", async (c, next) => {
  c.set("tenant", await authenticate(c.req.header("authorization") ?? null, c.env));
  await next();
});
app.use(
  "/v1/*",
  bodyLimit({
    maxSize: MAX_BODY,
    onError: () => {
      throw new OutriderError(
        "request_too_large",
        `the body is over the limit of ${MAX_BODY} bytes; shorten the prompt`,
        {
          status: 413,
        },
      );
    },
  }),
);

app.get("/health", (c) => c.json({ status: "ok", sessions: placementOf(c.env) }));

app.get("/v1/models", async (c) =>
  c.json({ object: "list", data: [modelObject((await describedModel(c.env.ASSETS)).model)] }),
);

app.get("/v1/models/:id{.+}", async (c) => {
  const id = c.req.param("id");
  await checkModel(id, c.env);
  return c.json(modelObject(id));
});

app.post("/v1/chat/completions", async (c) =>
  forward(parseChat(await json(c.req.raw), randomSeed), c.var.tenant, c.req.raw, c.env, c.var.requestId),
);

app.post("/v1/completions", async (c) =>
  forward(parseCompletion(await json(c.req.raw), randomSeed), c.var.tenant, c.req.raw, c.env, c.var.requestId),
);

app.notFound((c) =>
  errorResponse(new OutriderError("not_found", `no such route: ${c.req.method} ${c.req.path}`, { status: 404 })),
);

app.onError((error, c) => {
  if (!(error instanceof OutriderError)) console.error(c.var.requestId, error);
  return errorResponse(error);
});

export default app;

const randomSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0] as number;

async function json(request: Request): Promise<unknown> {
  try {
    return await request.json();
  } catch (cause) {
    throw new OutriderError("invalid_json", "the body is not JSON", { cause });
  }
}

async function checkModel(id: string, env: Env): Promise<void> {
  const { model } = await describedModel(env.ASSETS);
  if (id === model) return;
  throw new OutriderError(
    "model_not_found",
    `the model ${JSON.stringify(id)} does not exist here; this server has "${model}"`,
    {
      status: 404,
      param: "model",
    },
  );
}

/** Hands a generation to the tenant's Session; the answer streams back through. */
async function forward(
  generation: Generation,
  tenant: string,
  request: Request,
  env: Env,
  requestId: string,
): Promise<Response> {
  await checkModel(generation.model, env);
  const name = await sessionName(tenant, request.headers.get("x-session-affinity"), generation);
  const placement = placementOf(env);
  try {
    const answer = await env.SESSION.getByName(name, hinted(placement)).fetch("https://session/", {
      method: "POST",
      headers: { "x-request-id": requestId, "x-session": name },
      body: JSON.stringify(generation),
      signal: request.signal,
    });
    return new Response(answer.body, answer);
  } catch (error) {
    // The object was reset (deploy, eviction) or is overloaded; a new stub reaches a fresh one.
    const { overloaded, retryable } = error as { overloaded?: boolean; retryable?: boolean };
    if (!overloaded && !retryable) throw error;
    throw new OutriderError("session_unavailable", "the session was restarted or is overloaded; try again", {
      status: 503,
      retryable: true,
      cause: error,
    });
  }
}
