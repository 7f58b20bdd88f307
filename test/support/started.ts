/** The service as a user starts it: `npm start` in this folder, and nothing of it replaced. */
import { spawn } from "node:child_process";
import { PACKAGE } from "../../src/core/platform/places.ts";
import { answers, endGroup } from "./process.ts";
import { freePort } from "./service.ts";

export interface Started {
  readonly url: string;
  /** What it has written so far, the banner included. */
  said(): string;
  stop(): Promise<void>;
}

/**
 * Rejects with what it wrote when it does not answer within `ms`.
 *
 * @param options further words of the command line
 */
export async function npmStart(options: readonly string[] = [], ms = 600_000): Promise<Started> {
  const port = await freePort();
  const child = spawn("npm", ["start", "--", "--port", `${port}`, ...options], {
    cwd: PACKAGE,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1", WRANGLER_SEND_METRICS: "false" },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  const url = `http://localhost:${port}`;
  const stop = (): Promise<void> => endGroup(child);
  if (await answers(`${url}/health`, child, ms)) return { url, said: () => said, stop };
  await stop();
  throw new Error(`${url}/health did not answer 200; the service wrote:\n${said}`);
}
