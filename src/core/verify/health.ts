/**
 * What an origin reports at `GET /health`. Whoever starts or deploys an edge reads it first: an edge can use an origin
 * only if both have the same model and the same vocabulary.
 */
import * as z from "zod";
import { OutriderError } from "../model/errors.ts";
import { PROTOCOL_VERSION } from "./protocol.ts";
import { REGIONS } from "./region.ts";

const healthSchema = z.object({
  /** Anything but `ok` comes with HTTP status 503. */
  status: z.enum(["ok", "draining", "engine_trapped"]),
  /** The wire's version, `PROTOCOL_VERSION`. */
  version: z.int(),
  model: z.string(),
  /** Number of token ids, and `vocabularyHash` of their texts. */
  vocabulary: z.object({ size: z.int().min(1), hash: z.string() }),
  /** What runs the target: wasm, llama, sglang or vllm. */
  engine: z.string(),
  /** Longest timeline in tokens. */
  context: z.int().min(1),
  rules: z.array(z.enum(["exact", "bild"])),
  /** Draft tokens that one target pass scores at most. */
  maxDraft: z.int().min(0),
  /** Whether `/v1/verify` and `/metrics` need the origin's bearer token. */
  tokenRequired: z.boolean(),
  /** Open sockets. */
  connections: z.int().min(0),
  /** Generations at work. */
  live: z.int().min(0),
  /** Generations that wait for one of these to end. */
  queued: z.int().min(0),
  /** Sessions whose keys and values are held, those at work included. */
  kept: z.int().min(0),
  /** Where the origin stands, if it was told. */
  region: z.enum(REGIONS).nullable().catch(null),
});

export type Health = z.infer<typeof healthSchema>;

/**
 * Parses the body of an origin's `/health`. Throws `loading` (503) while the origin loads its model,
 * `unsupported_version` when it speaks another version of the wire, and `no_origin` when the body is something else.
 */
export function decodeHealth(text: string): Health {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new OutriderError("no_origin", "what answers there is no Outrider origin: its /health is not JSON");
  }
  const parsed = healthSchema.safeParse(json);
  if (parsed.success) {
    const { version } = parsed.data;
    if (version === PROTOCOL_VERSION) return parsed.data;
    throw new OutriderError(
      "unsupported_version",
      `the origin speaks protocol version ${version}, this side ${PROTOCOL_VERSION}; update the older one`,
    );
  }
  if ((json as { status?: unknown } | null)?.status === "loading") {
    throw new OutriderError("loading", "the origin is loading its model; try again in a moment", {
      status: 503,
      retryable: true,
    });
  }
  const field = parsed.error.issues[0]?.path.join(".");
  const why = field ? `its /health has no valid "${field}"` : "its /health is not an object";
  throw new OutriderError("no_origin", `what answers there is no Outrider origin of this version: ${why}`);
}
