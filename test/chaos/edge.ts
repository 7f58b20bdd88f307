/**
 * The edge in a real workerd, as it would be uploaded, under Miniflare. Around it stands a Worker that lets a run set
 * the clock and look into a Session, as no client can.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare, NoOpLog } from "miniflare";
import { runningFile } from "../../src/core/platform/places.ts";
import { assembleEdge, describeTarget } from "../../src/tools/service/assets.ts";
import { writeSettings } from "../../src/tools/service/settings.ts";
import { smallDisk } from "../support/small-disk.ts";
import { TINY_PACKS } from "../support/tiny.ts";
import { bundled } from "../workerd/bundle.ts";

const NAME = "outrider";

const MAIN = `
  // The bundler does not know it.
  const UNSAFE = ["workerd", "unsafe"].join(":");
  import worker, { Session as Whole } from ${JSON.stringify(runningFile("edge/door/worker.ts"))};
  export { Meter } from ${JSON.stringify(runningFile("edge/door/worker.ts"))};
  const now = Date.now;
  let jumpedMs = 0;
  Date.now = () => now() + jumpedMs;
  const tables = ["timeline", "pages", "place"];
  const gone = new Set();
  export class Session extends Whole {
    async fetch(request) {
      if (request.url.endsWith("/reset")) this.ctx.abort("replaced on purpose");
      const { sql } = this.ctx.storage;
      if (request.url.endsWith("/sql")) return new Response(String(sql.exec(await request.text()).rowsWritten));
      if (!request.url.endsWith("/chaos")) return super.fetch(request);
      const there = new Set(sql.exec("SELECT name FROM sqlite_master").toArray().map(({ name }) => name));
      const rows = Object.fromEntries(
        tables.map((table) => [table, there.has(table) ? sql.exec("SELECT count(*) AS n FROM " + table).one().n : 0]),
      );
      return Response.json({ alarm: await this.ctx.storage.getAlarm(), rows });
    }
  }
  export default {
    async fetch(request, env, ctx) {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/chaos/clock") return new Response(String((jumpedMs += Number(searchParams.get("ms")))));
      if (pathname === "/chaos/id") return new Response(env.SESSION.idFromName(searchParams.get("name")).toString());
      const session = () => env.SESSION.getByName(searchParams.get("name"));
      if (pathname === "/chaos/session") return session().fetch("http://session/chaos");
      if (pathname === "/chaos/reset")
        return session().fetch("http://session/reset").catch((error) => new Response(String(error)));
      if (pathname === "/chaos/sql") return session().fetch("http://session/sql", request);
      if (pathname === "/chaos/evict") {
        const { default: unsafe } = await import(UNSAFE);
        return new Response(String(await unsafe.evict(session(), {})));
      }
      if (pathname === "/chaos/gone") return new Response(String(gone.add(searchParams.get("client")).size));
      const client = request.headers.get("x-chaos-client");
      if (client === null) return worker.fetch(request, env, ctx);
      const abort = new AbortController();
      const watch = setInterval(() => gone.delete(client) && abort.abort(), 5);
      try {
        return await worker.fetch(new Request(request, { signal: abort.signal }), env, ctx);
      } finally {
        clearInterval(watch);
      }
    },
  };`;

/** What a Session has stored. */
export interface Stored {
  /** When it will delete all, ms since 1970 by its clock; null: never. */
  readonly alarm: number | null;
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>>;
}

export interface Edge {
  readonly url: string;
  /** Has the Session lose its memory between two turns; waits for the end of the one under way. */
  evict(session: string): Promise<void>;
  /** Replaces the Session at once, as a deploy does: whatever it is at is cut off. */
  reset(session: string): Promise<void>;
  /**
   * Tells the Worker that the client of this `x-chaos-client` has left, as Cloudflare does. workerd by itself notices
   * only when it has something to send.
   */
  gone(client: string): Promise<void>;
  /** Returns how many rows were written, those of the schema included. */
  sql(session: string, query: string): Promise<number>;
  stored(session: string): Promise<Stored>;
  /** Overwrites the beginning of the file that a Session stores in. False: there is none. */
  damage(session: string): Promise<boolean>;
  /** Has no room on the disk for what is stored, or room again. False: this process may not mount a disk. */
  fill(full: boolean): boolean;
  /** Returns how far the clock has jumped by now, all jumps together, in ms. */
  jump(minutes: number): Promise<number>;
  /** SIGKILL of workerd, and another one on the same storage. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** @param vars settings of the edge */
export async function startEdge(vars: Readonly<Record<string, string>>): Promise<Edge> {
  const home = mkdtempSync(join(tmpdir(), "outrider-chaos-"));
  const state = join(home, "state");
  const disk = smallDisk(state);
  const assets = join(home, "assets");
  await assembleEdge(await describeTarget(TINY_PACKS.draft), TINY_PACKS.draft, assets);
  const [settings] = writeSettings({ edgeAssets: assets, origin: null }, home) as [string];
  const main = join(home, "worker.js");
  writeFileSync(main, MAIN);
  writeFileSync(settings, JSON.stringify({ ...JSON.parse(readFileSync(settings, "utf8")), main }));
  const { assets: options, ...worker } = await bundled(settings);
  const all = convertV4MiniflareOptions({
    workers: [
      {
        ...worker,
        compatibilityFlags: [...(worker.compatibilityFlags ?? []), "unsafe_module"],
        name: NAME,
        bindings: vars,
        assets: { ...(options as object), directory: assets },
      },
    ],
    host: "127.0.0.1",
    port: 0,
    resourcePersistencePath: state,
    cf: false,
    log: new NoOpLog(),
    handleStructuredLogs: () => {},
  });
  const before = new Set(workerds());
  const miniflare = new Miniflare(all);
  let url = (await miniflare.ready).origin;
  const told = async (what: string, body?: string) => {
    const response = await fetch(`${url}/chaos/${what}`, { method: "POST", ...(body !== undefined && { body }) });
    if (!response.ok) throw new Error(`the edge answers ${response.status} to ${what}`);
    return response.text();
  };
  const restart = async () => {
    for (const pid of workerds()) if (!before.has(pid)) process.kill(pid, "SIGKILL");
    await miniflare.setOptions(all);
    url = (await miniflare.ready).origin;
  };
  // One after the other: Miniflare still writes to a workerd that starts.
  let restarted = Promise.resolve();
  return {
    get url() {
      return url;
    },
    evict: async (name) => void (await told(`evict?name=${name}`)),
    reset: async (name) => void (await told(`reset?name=${name}`)),
    gone: async (client) => void (await told(`gone?client=${encodeURIComponent(client)}`)),
    sql: async (name, query) => Number(await told(`sql?name=${name}`, query)),
    stored: async (name) => (await (await fetch(`${url}/chaos/session?name=${name}`)).json()) as Stored,
    damage: async (name) => {
      const file = join(state, `do/${NAME}-Session/${await told(`id?name=${name}`)}.sqlite`);
      if (!existsSync(file)) return false;
      writeFileSync(file, "not a database, and longer than the header of one".repeat(9));
      for (const part of ["-wal", "-shm"]) rmSync(file + part, { force: true });
      return true;
    },
    fill: (full) => disk?.fill(full) ?? false,
    jump: async (minutes) => Number(await told(`clock?ms=${minutes * 60_000}`)),
    kill: () => (restarted = restarted.then(restart)),
    close: async () => {
      await miniflare.dispose();
      disk?.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** The workerd processes that this process has started. */
function workerds(): number[] {
  const rows = execFileSync("ps", ["-A", "-o", "pid=,ppid=,comm="], { encoding: "utf8" }).trim().split("\n");
  return rows.flatMap((row) => {
    const [pid, parent, command = ""] = row.trim().split(/\s+/);
    return Number(parent) === process.pid && command.includes("workerd") ? [Number(pid)] : [];
  });
}
