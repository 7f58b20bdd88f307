/** Edge, gateways and clients of a run; one round of it; and what must hold after each. */
import type { Generation } from "../../src/edge/prompt/generation.ts";
import { sessionName } from "../../src/edge/tenant/tenant.ts";
import { askOf, CONVERSATIONS, type Right, TURNS } from "./asks.ts";
import { ask, faultIn, type Seen } from "./client.ts";
import { type Edge, startEdge } from "./edge.ts";
import { type Fault, GATEWAYS, LANES, type Round, type STORAGE } from "./faults.ts";
import type { WireFault } from "./front.ts";
import { type Gateways, startGateways } from "./gateways.ts";

/** The drafts' memory at its limit: pages for a quarter of the conversations. */
const KV_PAGES = "32";
/** How long what is left over may take to go. */
const SETTLE_MS = 60_000;
const KEPT = 6;
/** How long a conversation is kept, and some room. */
const KEPT_MS = 25 * 3600 * 1000;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Between two looks at what is left over, the first and the longest: a look takes CPU. */
const LOOK_MS = { first: 20, longest: 320 } as const;

/** What a round has seen. */
export interface Outcome {
  /** Faults that have struck: a frame, a pass or an upgrade that one was planned for may never come. */
  readonly struck: number;
  /** Answers that were the undisturbed ones, and such that ended in one clear error or were left. */
  readonly right: number;
  /** By the error's code; `left` where the client left. */
  readonly refused: Readonly<Record<string, number>>;
  /** What must not be, in words. */
  readonly wrong: readonly string[];
}

interface Lane {
  /** Tells this conversation from all others of the run. */
  affinity: string;
  conversation: number;
  turn: number;
}

export class World {
  readonly edge: Edge;
  readonly gateways: Gateways;
  /** By conversation and turn. */
  readonly #right: Right[][] = [];
  readonly #lanes: Lane[];
  #conversations = 0;
  /** Sessions that no object opens any more, so that nobody can say what they hold. */
  readonly #closed = new Set<string>();
  /** How far the edge's clock has been ahead, in ms. What was stored then has its end then. */
  #furthest = 0;

  private constructor(edge: Edge, gateways: Gateways) {
    this.edge = edge;
    this.gateways = gateways;
    this.#lanes = Array.from({ length: LANES }, () => this.#fresh());
    const wire = new Map<string, WireFault[]>();
    for (const { front } of gateways.origins) front.wire = wire;
  }

  /**
   * @param deadlineMs how long no token may come, all tries together
   * @param gguf the tiny target's file, to be run in llama.cpp; null: on the project's own engine
   */
  static async start(deadlineMs: number, gguf: string | null): Promise<World> {
    const gateways = await startGateways(GATEWAYS, gguf);
    const urls = gateways.origins.map(({ front }) => front.url).join(",");
    const vars = { ORIGIN_URL: urls, ORIGIN_DEADLINE_MS: `${deadlineMs}`, KEEP_HOURS: "24", KV_PAGES };
    const world = new World(await startEdge(vars), gateways);
    await world.#learn();
    return world;
  }

  async close(): Promise<void> {
    await this.edge.close();
    await this.gateways.close();
  }

  /** The undisturbed answers, from drafts that are off. */
  async #learn(): Promise<void> {
    for (let conversation = 0; conversation < CONVERSATIONS; conversation++) {
      const said: Right[] = [];
      for (let turn = 0; turn < TURNS; turn++) {
        const body = { ...askOf(conversation, turn, said, 0), stream: false, outrider: { trace: true, draft: "off" } };
        const { text, tokens, errors } = await ask(this.edge.url, body, `undisturbed ${conversation}`);
        if (!tokens) throw new Error(`the undisturbed answer failed: ${JSON.stringify(errors)}`);
        said.push({ text, tokens });
      }
      this.#right.push(said);
    }
  }

  #fresh(): Lane {
    const n = this.#conversations++;
    return { affinity: `chaos ${n}`, conversation: n % CONVERSATIONS, turn: 0 };
  }

  async round({ seed, faults }: Round): Promise<Outcome> {
    const names = await Promise.all(this.#lanes.map((lane) => nameOf(lane.affinity)));
    let damaged = 0;
    for (const fault of faults) {
      if (fault.on === "storage" && (await this.#damage(names[fault.lane]!, fault.what))) damaged++;
    }
    const struckBefore = this.#struckByGateways;
    const striking = faults.map((fault) =>
      this.#strike(fault, names).then(
        (struck) => ({ struck: Number(struck), wrong: [] }),
        (error) => ({ struck: 0, wrong: [`a fault did not strike: ${error}`] }),
      ),
    );
    const killed = faults.some(({ on }) => on === "edge");
    const answers = await Promise.all(this.#lanes.map((lane, i) => this.#answer(lane, i, seed + i, faults, killed)));
    const strikes = await Promise.all(striking);
    if (faults.some(({ on }) => on === "disk")) this.edge.fill(false);
    const wrong = [...strikes, ...answers].flatMap((each) => each.wrong);
    wrong.push(...(await this.#leftOver(names)));
    const { origins } = this.gateways;
    const spared = [...origins[0]!.front.wire.values()].flat().length;
    // What was planned for frames, upgrades and passes that never came is none of the next round's.
    origins[0]!.front.wire.clear();
    for (const origin of origins) origin.forget();
    const counted = [...strikes, ...answers].reduce((sum, each) => sum + each.struck, 0);
    const struck = damaged + counted - spared + this.#struckByGateways - struckBefore;
    const refused: Record<string, number> = {};
    for (const code of answers.flatMap((answer) => answer.refused)) refused[code] = (refused[code] ?? 0) + 1;
    return { struck, right: answers.reduce((sum, answer) => sum + answer.right, 0), refused, wrong };
  }

  /** Faults of upgrades and passes so far. */
  get #struckByGateways(): number {
    return this.gateways.origins.reduce((sum, { struck, front }) => sum + struck + front.struck, 0);
  }

  /** One answer whose origin is killed in the middle of it; `isLate`: the account tells of no interruption. */
  async killed(n: number): Promise<{ readonly fault: string | null; readonly isLate: boolean }> {
    while (this.gateways.origins.some(({ isUp, front }) => !isUp || front.open > 0)) await sleep(20);
    const conversation = n % CONVERSATIONS;
    const right = this.#right[conversation]![0]!;
    const body = { ...askOf(conversation, 0, [], n), stream: true };
    const seen = await ask(this.edge.url, body, `killed ${n}`, null, (chunk) => {
      if (chunk !== 1 + (n % 6)) return;
      for (const origin of this.gateways.origins) if (origin.front.open > 0) origin.signal("SIGKILL");
    });
    const fault = seen.errors[0] ? `${seen.errors[0].code}: ${seen.errors[0].message}` : faultIn(seen, right, false);
    return { fault, isLate: !seen.interrupted };
  }

  /** One lane's client: it asks, perhaps twice, and goes on with its conversation once it has the answer. */
  async #answer(lane: Lane, index: number, seed: number, faults: readonly Fault[], killed: boolean) {
    const { affinity, conversation, turn } = lane;
    const own = faults.flatMap((fault) => (fault.on === "client" && fault.lane === index ? [fault] : []));
    const leave = own.find(({ what }) => what === "leave");
    const right = this.#right[conversation]![turn]!;
    const said = this.#right[conversation]!;
    const once = (n: number) => {
      const body = askOf(conversation, turn, said, seed + 1000 * n);
      const client = `${affinity}, turn ${turn}`;
      const leaving = leave && n === 0 ? { chunk: leave.chunk, client, gone: () => this.edge.gone(client) } : null;
      return ask(this.edge.url, body, affinity, leaving);
    };
    const seen: Seen[] = own.some(({ what }) => what === "race")
      ? await Promise.all([once(0), once(1)])
      : [await once(0)];
    if (own.some(({ what }) => what === "repeat")) seen.push(await once(2));
    const wrong = seen.flatMap((each, n) => {
      const fault = faultIn(each, right, killed || (leave !== undefined && n === 0));
      return fault === null ? [] : [`client ${index}, conversation ${conversation}, turn ${turn}: ${fault}`];
    });
    const isGot = ({ tokens, errors }: Seen) => tokens !== null && errors.length === 0;
    const got = seen.filter(isGot).length;
    const refused = seen.filter((each) => !isGot(each)).map(({ errors }) => errors[0]?.code ?? "left");
    if (got > 0 && turn + 1 < TURNS) lane.turn++;
    else if (got > 0) Object.assign(lane, this.#fresh());
    const struck = leave && seen[0]!.tokens === null && seen[0]!.errors.length === 0 ? 1 : 0;
    return { struck, right: got, refused, wrong };
  }

  /** Whether the fault has struck, or will for certain. The others are counted where they strike. */
  async #strike(fault: Fault, names: readonly string[]): Promise<boolean> {
    const { origins } = this.gateways;
    if ("ms" in fault) await sleep(fault.ms);
    const session = "lane" in fault ? names[fault.lane]! : "";
    switch (fault.on) {
      case "wire": {
        const { wire } = origins[0]!.front;
        const { what, from, frame } = fault;
        wire.set(session, [...(wire.get(session) ?? []), { what, from, frame }]);
        return true;
      }
      case "upgrade":
        origins[fault.gateway]!.front.upgrades.push(fault.what);
        return false;
      case "engine":
        origins[fault.gateway]!.plan(fault.what, fault.pass);
        return false;
      case "gateway":
        return origins[fault.gateway]!.signal(fault.what === "kill" ? "SIGKILL" : "SIGTERM");
      case "clock":
        if (fault.what === "edge") return isDone(this.#jump(fault.minutes));
        return origins.filter((origin) => origin.jump(fault.minutes)).length > 0;
      case "session":
        return isDone(this.edge[fault.what](session));
      case "edge":
        await this.edge.kill();
        return true;
      case "disk":
        return this.edge.fill(true);
      case "storage":
        return false;
      case "client":
        return fault.what !== "leave";
    }
  }

  async #jump(minutes: number): Promise<void> {
    this.#furthest = Math.max(this.#furthest, await this.edge.jump(minutes));
  }

  /** Whether there was something to damage. */
  async #damage(session: string, what: (typeof STORAGE)[number]): Promise<boolean> {
    if (what === "a damaged file") {
      // What is open is written from memory.
      await this.edge.evict(session).catch(() => {});
      if (!(await this.edge.damage(session))) return false;
      this.#closed.add(session);
      return true;
    }
    let changed = 0;
    for (const query of DAMAGE[what]) changed += await this.edge.sql(session, query).catch(() => 0);
    await this.edge.evict(session).catch(() => {});
    return changed > 0;
  }

  /** Whatever should not be there once all answers have ended; waits for what goes by itself. */
  async #leftOver(names: readonly string[]): Promise<string[]> {
    const until = Date.now() + SETTLE_MS;
    for (let ms: number = LOOK_MS.first; ; ms = Math.min(2 * ms, LOOK_MS.longest)) {
      const busy = await this.#busy();
      const left = busy.length === 0 ? await this.#storedWithoutEnd(names) : busy;
      if (left.length === 0 || Date.now() > until) return left;
      await sleep(ms);
    }
  }

  /** What the gateways still hold. */
  async #busy(): Promise<string[]> {
    const left: string[] = [];
    for (const [i, origin] of this.gateways.origins.entries()) {
      if (origin.front.open > 0) left.push(`${origin.front.open} sockets of the edge at gateway ${i}`);
      const counts = await origin.counts();
      if (!counts) left.push(`gateway ${i} is not up again`);
      else if (counts.live + counts.queued + counts.connections > 0 || counts.kept > KEPT)
        left.push(`gateway ${i} holds ${JSON.stringify(counts)}`);
    }
    return left;
  }

  async #storedWithoutEnd(names: readonly string[]): Promise<string[]> {
    const left: string[] = [];
    for (const [i, name] of names.entries()) {
      if (this.#closed.has(name)) continue;
      const said = await this.edge.stored(name).catch(() => null);
      if (!said) {
        left.push(`client ${i}: the edge does not say what is stored`);
        continue;
      }
      const { alarm, rows } = said;
      const stored = Object.values(rows).reduce((sum, n) => sum + n, 0);
      if (stored > 0 && alarm === null) left.push(`client ${i}: ${JSON.stringify(rows)} is stored without an end`);
      if (alarm !== null && stored === 0) left.push(`client ${i}: an alarm and nothing stored`);
      const late = (alarm ?? 0) - Date.now() - this.#furthest - KEPT_MS;
      if (late > 0) left.push(`client ${i}: an alarm ${Math.ceil(late / 60_000)} minutes too late`);
    }
    return left;
  }
}

/** Whether the edge was there to be told. */
const isDone = (told: Promise<void>): Promise<boolean> =>
  told.then(
    () => true,
    () => false,
  );

const nameOf = (affinity: string) => sessionName("open:", affinity, { model: "tiny" } as Generation);

/** Statements; where a table is not there, nothing is damaged. */
const DAMAGE: Readonly<Record<Exclude<(typeof STORAGE)[number], "a damaged file">, readonly string[]>> = {
  "bytes of a page": ["UPDATE pages SET bytes = zeroblob(length(bytes)) WHERE page = 0"],
  "a lost page": ["DELETE FROM pages WHERE page = 0"],
  "no page table": ["DROP TABLE pages"],
  "another page table": ["DROP TABLE pages", "CREATE TABLE pages (a INTEGER)"],
  "a damaged timeline": ["UPDATE timeline SET tokens = x'0102030405'"],
  "no room for pages": [
    "CREATE TRIGGER full BEFORE INSERT ON pages BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
  ],
};
