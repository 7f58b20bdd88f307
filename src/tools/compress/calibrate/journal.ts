/**
 * Partial results of a long squeeze, on disk beside its output, so that work that was stopped goes on where it was. The
 * work asks for its steps in the same order each time: a step is known by its number, and what it keeps by a name.
 */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { OutriderError, stopped } from "../../../core/model/errors.ts";

const MARK = "journal.json";

export class Journal {
  readonly #directory: string | undefined;
  /** Whether an earlier run left something to go on from. */
  readonly goesOn: boolean;
  #steps = 0;
  #stopping = false;

  private constructor(directory: string | undefined, goesOn: boolean) {
    this.#directory = directory;
    this.goesOn = goesOn;
  }

  /** One that keeps nothing. */
  static none(): Journal {
    return new Journal(undefined, false);
  }

  /**
   * The journal in `directory` for the work that `fingerprint` identifies. A journal of other work is thrown away.
   * Throws `not_a_journal` for a directory that holds something else.
   */
  static async open(directory: string, fingerprint: string): Promise<Journal> {
    const mark = JSON.stringify({ fingerprint });
    const found = await readIfThere(path.join(directory, MARK));
    if (found?.toString() === mark) return new Journal(directory, true);
    if (found) await rm(directory, { recursive: true });
    try {
      await mkdir(directory, { recursive: true });
      await writeFile(path.join(directory, MARK), mark, { flag: "wx" });
    } catch (cause) {
      throw new OutriderError("not_a_journal", `${directory}: unfinished work cannot be kept here; move it away`, {
        cause,
      });
    }
    return new Journal(directory, false);
  }

  /** The next step of the work. */
  step(): Step {
    const own = this.#directory && path.join(this.#directory, String(this.#steps++));
    return { load: (name) => load(own, name), save: (name, bytes) => save(own, name, bytes) };
  }

  /** Makes the next `rest` end the work. */
  stop(): void {
    this.#stopping = true;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Call it where everything that matters is kept. Lets signals come in, and throws `stopped` after `stop`. */
  async rest(): Promise<void> {
    await setImmediate();
    if (this.#stopping) throw stopped();
  }

  /** The value of a step that `work` computes, from the journal if an earlier run kept it. */
  async once<T>(work: () => Promise<T>): Promise<T> {
    const step = this.step();
    const kept = await step.load("value");
    if (kept) return JSON.parse(new TextDecoder().decode(kept)) as T;
    const value = await work();
    await step.save("value", new TextEncoder().encode(JSON.stringify(value)));
    await this.rest();
    return value;
  }

  /** Throws away everything that was kept; call it when the work is done. */
  async discard(): Promise<void> {
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true });
  }
}

/** What a step keeps, by name. */
export interface Step {
  load(name: string): Promise<Uint8Array | undefined>;
  save(name: string, bytes: Uint8Array): Promise<void>;
}

const load = async (directory: string | undefined, name: string): Promise<Uint8Array | undefined> =>
  directory === undefined ? undefined : readIfThere(path.join(directory, name));

async function save(directory: string | undefined, name: string, bytes: Uint8Array): Promise<void> {
  if (directory === undefined) return;
  await mkdir(directory, { recursive: true });
  const file = path.join(directory, name);
  await writeFile(`${file}.part`, bytes);
  await rename(`${file}.part`, file);
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code!)) return undefined;
    throw cause;
  }
}
