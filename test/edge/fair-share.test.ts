import { expect, test } from "vitest";
import { FairShare } from "../../src/edge/session/fair-share.ts";

/** A thread whose timers fire `lateMs` late, 1 ms from now at least, and a clock that only `pass` moves. */
class Thread {
  lateMs = 0;
  #now = 0;
  #timers: { at: number; then: () => void }[] = [];
  readonly share = new FairShare(
    () => this.#now,
    (then, ms) => this.#timers.push({ at: this.#now + Math.max(1, ms) + this.lateMs, then }),
  );

  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await settled();
      const next = this.#timers.sort((a, b) => a.at - b.at)[0];
      if (!next || next.at > until) break;
      this.#timers.shift();
      this.#now = Math.max(this.#now, next.at);
      next.then();
    }
    this.#now = until;
  }

  /** Resolves once so much has passed. */
  wait(ms: number): Promise<void> {
    return new Promise((then) => this.#timers.push({ at: this.#now + ms, then }));
  }

  /** Asks for `count` answers of a key. Returns the ends of those that have begun. */
  ask(name: string, count: number): (() => void)[] {
    const begun: (() => void)[] = [];
    for (let i = 0; i < count; i++) void this.share.begin(name).then((end) => begun.push(end));
    return begun;
  }

  /** One on which both keys have asked while it was late, and nothing of that is left but that it is known. */
  static async late(): Promise<Thread> {
    const thread = new Thread();
    thread.lateMs = 20;
    for (const end of [await thread.share.begin("greedy"), await thread.share.begin("modest")]) {
      await thread.pass(30);
      end();
    }
    await thread.pass(30);
    return thread;
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a key that asks alone is never held, however late the thread", async () => {
  const thread = new Thread();
  thread.lateMs = 100;
  const begun = thread.ask("greedy", 100);
  await settled();
  expect(begun).toHaveLength(100);
});

test("on a thread that is on time, all answers of all keys begin within 0.1 s", async () => {
  const thread = new Thread();
  thread.ask("modest", 1);
  const begun = thread.ask("greedy", 200);
  await thread.pass(100);
  expect(begun).toHaveLength(200);
});

test("on a late thread each of several keys begins one answer at a time, in the order in which they came", async () => {
  const thread = await Thread.late();
  const [greedy, modest] = [thread.ask("greedy", 5), thread.ask("modest", 2)];
  await settled();
  expect([greedy.length, modest.length]).toEqual([1, 1]);
  modest[0]!();
  await settled();
  expect([greedy.length, modest.length]).toEqual([1, 2]);
  greedy[0]!();
  greedy[0]!();
  await settled();
  expect([greedy.length, modest.length]).toEqual([2, 2]);
});

test("on a late thread a key waits while one is beginning that has begun fewer", async () => {
  const thread = await Thread.late();
  const greedy = thread.ask("greedy", 3);
  await settled();
  greedy[0]!();
  await settled();
  const modest = await thread.share.begin("modest");
  greedy[1]!();
  await settled();
  expect(greedy).toHaveLength(2);
  modest();
  await settled();
  expect(greedy).toHaveLength(3);
});

test("on a late thread who has asked for long is not behind one that comes and asks much", async () => {
  const thread = await Thread.late();
  for (let i = 0; i < 400; i++) {
    (await thread.share.begin("modest"))();
    await thread.pass(10);
  }
  const begun = { greedy: 0, modest: 0 };
  const ask = async (name: keyof typeof begun): Promise<void> => {
    for (;;) {
      const end = await thread.share.begin(name);
      begun[name]++;
      await thread.wait(10);
      end();
    }
  };
  for (let i = 0; i < 8; i++) for (const name of ["greedy", "modest"] as const) void ask(name);
  await thread.pass(10_000);
  expect(begun.greedy).toBeGreaterThan(200);
  expect(begun.modest).toBeGreaterThan(0.8 * begun.greedy);
});

test("an answer that waits for its origin holds the next one for 50 ms", async () => {
  const thread = await Thread.late();
  const begun = thread.ask("greedy", 2);
  await thread.pass(40);
  expect(begun).toHaveLength(1);
  await thread.pass(300);
  expect(begun).toHaveLength(2);
});

test("who waits begins once the other key asks no more, and when timers are lost with their requests", async () => {
  const thread = await Thread.late();
  const begun = thread.ask("greedy", 40);
  await thread.pass(5_500);
  expect(begun).toHaveLength(40);
});

test("a client that leaves while it waits gives its place back, and is told so", async () => {
  const thread = await Thread.late();
  const first = await thread.share.begin("greedy");
  const client = new AbortController();
  const waiting = thread.share.begin("greedy", client.signal);
  const next = thread.ask("greedy", 1);
  client.abort();
  await expect(waiting).rejects.toMatchObject({ code: "closed", status: 499 });
  await expect(thread.share.begin("greedy", client.signal)).rejects.toMatchObject({ status: 499 });
  first();
  await settled();
  expect(next).toHaveLength(1);
});

test("a thread that is on time again lets more begin, by and by", async () => {
  const thread = await Thread.late();
  thread.lateMs = 0;
  const begun = thread.ask("greedy", 30);
  thread.ask("modest", 1);
  await thread.pass(1);
  const soon = begun.length;
  expect(soon).toBeLessThan(30);
  for (let i = 0; i < 200 && begun.length < 30; i++) {
    await thread.pass(1);
    for (const end of begun.slice(-1)) end();
  }
  expect(begun).toHaveLength(30);
});
