/**
 * An SDK in a process of its own, driven by lines of JSON: a request of the table in, what the SDK made of it out. The
 * adapters beside (js/, python/) only translate; what is asked and how it is judged stands in cases.ts.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** What an SDK can be asked. Fields have OpenAI's names. */
export type Operation = "models" | "chat" | "completion" | "response" | "abort";

/** What an SDK returned, in one shape for all. */
export interface Result {
  readonly text: string;
  /** Ids of models. */
  readonly ids?: readonly string[];
  readonly id?: string | null;
  readonly finish?: string | null;
  readonly promptTokens?: number | null;
  readonly completionTokens?: number | null;
  /** Texts of all choices. */
  readonly choices?: readonly string[];
  readonly calls?: readonly { readonly name: string; readonly arguments: unknown }[];
  /** Tokens of which a log probability was told, and alternatives told of the first. */
  readonly logprobs?: { readonly tokens: number; readonly alternatives: number } | null;
  /** Pieces that a stream came in. */
  readonly pieces?: number;
  /** Of a prediction. */
  readonly accepted?: number | null;
}

/** An SDK's own error. */
export class SdkError extends Error {
  /** Null where the SDK did not ask the service at all. */
  readonly status: number | null;

  constructor(message: string, status: number | null) {
    super(message);
    this.status = status;
  }
}

/** The SDK has no such call or no way to pass a field. */
export class NoSuchCall extends Error {}

interface Reply {
  readonly result?: Result;
  readonly error?: { readonly message: string; readonly status: number | null };
  readonly none?: string;
}

export interface Service {
  readonly url: string;
  readonly key: string;
  readonly model: string;
}

/** How long one call may take before the SDK counts as hanging. */
const HANGING_MS = 120_000;

export class Client {
  readonly #child: ChildProcess;
  #said = "";
  #waiting: ((reply: Reply) => void) | null = null;

  /** @param command the adapter's program and its words */
  constructor(command: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
    const [program, ...words] = command;
    this.#child = spawn(program!, words, { cwd, env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#said = (this.#said + text).slice(-4000);
    });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      // Some SDKs write to stdout themselves.
      if (line.startsWith("{")) this.#answer(JSON.parse(line) as Reply);
    });
    this.#child.on("exit", () =>
      this.#answer({ error: { message: `the SDK's process ended: ${this.#said}`, status: 0 } }),
    );
  }

  /** Rejects with SdkError or NoSuchCall. */
  async call(
    operation: Operation,
    service: Service,
    fields: Readonly<Record<string, unknown>> = {},
    hangingMs = HANGING_MS,
  ): Promise<Result> {
    const reply = await new Promise<Reply>((resolve) => {
      const late = setTimeout(() => resolve({ error: { message: "no answer in time", status: 0 } }), hangingMs);
      this.#waiting = (said) => {
        clearTimeout(late);
        resolve(said);
      };
      this.#child.stdin!.write(`${JSON.stringify({ operation, service, fields })}\n`);
    });
    if (reply.none !== undefined) throw new NoSuchCall(reply.none);
    if (reply.error) throw new SdkError(reply.error.message, reply.error.status);
    return reply.result!;
  }

  close(): void {
    this.#child.kill();
  }

  #answer(reply: Reply): void {
    this.#waiting?.(reply);
    this.#waiting = null;
  }
}
