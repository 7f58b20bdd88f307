/**
 * The edge with a namespace of Sessions that writes down what it is asked. Its Sessions count the rows that they write
 * and say when their storage ends.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runningFile } from "../../src/core/platform/places.ts";
import { assembleEdge, describeTarget } from "../../src/tools/service/assets.ts";
import { writeSettings } from "../../src/tools/service/settings.ts";
import { TINY_PACKS } from "../support/tiny.ts";
import { bundled } from "./bundle.ts";
import { edgeWorker, startWorkers } from "./harness.ts";

const MAIN = `
  import worker, { Session as Own } from ${JSON.stringify(runningFile("edge/door/worker.ts"))};
  export { Meter } from ${JSON.stringify(runningFile("edge/door/worker.ts"))};
  export class Session extends Own {
    rows = 0;
    constructor(ctx, env) {
      const { sql } = ctx.storage;
      const { exec } = sql;
      const cursors = [];
      sql.exec = (...given) => {
        const cursor = exec.apply(sql, given);
        cursors.push(cursor);
        return cursor;
      };
      super(ctx, env);
      this.cursors = cursors;
    }
    async fetch(request) {
      const { storage } = this.ctx;
      if (request.url.endsWith("/end")) return new Response(await this.alarm());
      if (!request.url.endsWith("/stored")) return super.fetch(request);
      return Response.json({
        rows: this.cursors.splice(0).reduce((rows, cursor) => rows + cursor.rowsWritten, 0),
        bytes: storage.sql.databaseSize,
        tables: [...storage.sql.exec("SELECT name FROM sqlite_master WHERE substr(name, 1, 1) <> '_'")]
          .map(({ name }) => name)
          .sort(),
        alarm: await storage.getAlarm(),
      });
    }
  }
  const asked = [];
  export default {
    async fetch(request, env, ctx) {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/asked") return Response.json(asked.splice(0));
      if (pathname === "/stored" || pathname === "/end") {
        return env.SESSION.getByName(searchParams.get("name")).fetch("https://session" + pathname);
      }
      const getByName = (name, options) => {
        asked.push({ name, ...options });
        return env.SESSION.getByName(name, options);
      };
      return worker.fetch(request, { ...env, SESSION: { getByName } }, ctx);
    },
  };`;

/** What a Session stores. */
export interface Stored {
  /** Rows written since this was asked last, or since the Session has been in memory. */
  readonly rows: number;
  readonly bytes: number;
  /** Names of the tables, without the runtime's own. */
  readonly tables: readonly string[];
  /** When all of it ends, ms since 1970. */
  readonly alarm: number | null;
}

export interface Recording {
  readonly url: string;
  /** What the namespace was asked for since the last call. */
  asked(): Promise<{ readonly name: string; readonly locationHint?: string }[]>;
  stored(name: string): Promise<Stored>;
  /** Lets the alarm go off now. */
  end(name: string): Promise<void>;
  evict(name: string): Promise<void>;
  sql(name: string, query: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

let bundle: ReturnType<typeof bundled> | undefined;

/** Bundled once a test file. */
function recordingBundle(home: string, assets: string): ReturnType<typeof bundled> {
  const main = join(home, "worker.js");
  writeFileSync(main, MAIN);
  const [file] = writeSettings({ edgeAssets: assets, origin: null }, home) as [string];
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), main }));
  return bundled(file);
}

/** @param draft the draft's pack */
export async function startRecording(
  vars: Readonly<Record<string, string>>,
  draft: string = TINY_PACKS.draft,
): Promise<Recording> {
  const home = mkdtempSync(join(tmpdir(), "outrider-recording-"));
  const assets = join(home, "assets");
  await assembleEdge(await describeTarget(TINY_PACKS.draft), draft, assets);
  bundle ??= recordingBundle(home, assets);
  const { modules, modulesRoot } = (await bundle) as { modules: never; modulesRoot: string };
  const edge = edgeWorker(assets, vars, false);
  const { url, miniflare } = await startWorkers([{ ...edge, modules, modulesRoot }]);
  const get = async (path: string) => (await fetch(url + path)).json();
  return {
    url,
    asked: async () => (await get("/asked")) as { name: string; locationHint?: string }[],
    end: async (name) => void (await fetch(`${url}/end?name=${name}`)),
    stored: async (name) => (await get(`/stored?name=${name}`)) as Stored,
    evict: (name) => miniflare.unsafeEvictDurableObject(edge.name!, "Session", { name }),
    sql: async (name, query) =>
      await (await miniflare.unsafeGetDurableObjectStorage(edge.name!, "Session", { name })).exec(query),
    close: async () => {
      await miniflare.dispose();
      rmSync(assets, { recursive: true, force: true });
    },
  };
}
