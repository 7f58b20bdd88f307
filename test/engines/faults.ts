/**
 * What may go wrong between an edge and an engine, done to real processes: the client's tokens are the right ones or
 * there is one clear error, and when it is over nothing is at work any more.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { decodeHealth } from "../../src/core/verify/health.ts";
import { type Fault, faultProxy } from "../support/fault-proxy.ts";
import { freshSession, type GenerationOptions, runGeneration } from "../support/generation.ts";
import { seeded } from "../support/random.ts";
import { GuessDrafter } from "../support/scripted.ts";
import { type Running, startOrigin } from "../support/service.ts";

export interface Site {
  /** For the origin's command line. */
  readonly engine: string;
  readonly model: string;
  readonly options: readonly string[];
  /** The engine, where it is a server. */
  readonly server: Running | null;
  readonly prompt: readonly number[];
  /** What the target says, greedily. */
  readonly right: readonly number[];
}

const PATIENT = [50, 500, 1000, 2000, 4000, 8000];

const healthOf = async (url: string) => decodeHealth(await (await fetch(`${url}/health`)).text());
const portOf = (url: string) => Number(new URL(url).port);

/** Runs one greedy generation whose drafter knows the answer, but for a fifth of the tokens. */
async function say({ prompt, right }: Site, url: string, options: Partial<GenerationOptions> = {}) {
  const { model, vocabulary } = await healthOf(url);
  const random = seeded(1);
  return runGeneration({
    url: `${url.replace("http", "ws")}/v1/verify`,
    served: { model, vocabulary: vocabulary.hash },
    stop: [],
    prompt,
    sampling: GREEDY,
    drafter: new GuessDrafter((timeline) => (random() < 0.2 ? 1 : (right[timeline.length - prompt.length] ?? null))),
    patience: 1000,
    maxTokens: right.length,
    silenceMs: 30_000,
    ...options,
  });
}

/** Runs `during` once the answer has begun. */
function once(during: () => Promise<void>): (tokens: number) => Promise<void> {
  let done = false;
  return async (tokens) => {
    if (done || tokens < 4) return;
    done = true;
    await during();
  };
}

async function atRest(url: string): Promise<void> {
  await expect.poll(async () => (await healthOf(url)).connections, { timeout: 20_000 }).toBe(0);
  expect((await healthOf(url)).live).toBe(0);
}

interface Case {
  readonly name: string;
  run(site: Site, origin: Running): Promise<void>;
}

export const FAULTS: readonly Case[] = [
  {
    name: "a socket that is cut, closed or garbled at any frame",
    async run(site, origin) {
      const proxy = await faultProxy(portOf(origin.url));
      for (const fault of ["cut", "close", "garble"] as Fault[]) {
        for (let frame = 0; frame < 5; frame++) {
          proxy.plan(fault, frame);
          const { tokens } = await say(site, origin.url, { url: `ws://127.0.0.1:${proxy.port}/v1/verify` });
          expect(tokens, `${fault} at frame ${frame}`).toEqual(site.right);
        }
      }
      expect(proxy.connections).toBeGreaterThan(25);
      await proxy.close();
      await atRest(origin.url);
    },
  },
  {
    name: "an engine that stands still for ten seconds",
    async run(site, origin) {
      const engine = site.server ?? origin;
      const pause = async () => {
        engine.signal("SIGSTOP");
        setTimeout(() => engine.signal("SIGCONT"), 10_000);
      };
      expect((await say(site, origin.url, { onStep: once(pause) })).tokens).toEqual(site.right);
      await atRest(origin.url);
    },
  },
  {
    name: "two connections for one session",
    async run(site, origin) {
      const session = freshSession();
      let second: ReturnType<typeof say> | undefined;
      const first = say(site, origin.url, {
        session,
        retryMs: [],
        onStep: once(async () => {
          second = say(site, origin.url, { session });
          await sleep(1000);
        }),
      });
      await expect(first).rejects.toMatchObject({ code: "session_taken" });
      expect((await second)?.tokens).toEqual(site.right);
      await atRest(origin.url);
    },
  },
  {
    name: "a gateway that is killed and comes back",
    async run(site, origin) {
      // The gateway that all cases share stays; this one is another.
      const options = [site.model, site.engine, site.options] as const;
      let killed = await startOrigin(...options);
      const port = portOf(killed.url);
      const restart = async () => {
        killed.signal("SIGKILL");
        void startOrigin(...options, port).then((started) => {
          killed = started;
        });
      };
      const { tokens } = await say(site, killed.url, { onStep: once(restart), retryMs: PATIENT });
      expect(tokens).toEqual(site.right);
      await atRest(killed.url);
      await killed.stop();
      await atRest(origin.url);
    },
  },
  {
    name: "an engine that dies",
    async run(site, origin) {
      const { server } = site;
      const dies = async () => (server ?? origin).signal("SIGKILL");
      const failed = say(site, origin.url, { onStep: once(dies), retryMs: [50, 200] });
      await expect(failed).rejects.toMatchObject({
        code: server ? "engine_unreachable" : "origin_unreachable",
        status: 503,
        retryable: true,
      });
      if (server) await atRest(origin.url);
    },
  },
];
