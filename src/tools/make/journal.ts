/**
 * What has been made of a draft, in `journal.json` in its folder. Each stage stands there with a hash of its inputs, so
 * the same command goes on where it was stopped, and another command repeats only what its options change.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import { OutriderError } from "../../core/model/errors.ts";

const FILE = "journal.json";
/** While a stage runs, its time is written down so often. */
const KEEP_MS = 10_000;

const entrySchema = z.object({
  /** SHA-256 of the stage's name and inputs. */
  key: z.string(),
  done: z.boolean(),
  /** Time that the stage has taken so far, over all runs. */
  seconds: z.number().nonnegative(),
  /** What later stages need to know of it. */
  found: z.unknown(),
});
const journalSchema = z.record(z.string(), entrySchema);
type Entry = z.infer<typeof entrySchema>;

/** A stage that is done. */
export interface Finished<T> {
  /** Changes whenever an input of the stage, or of one before it, does: an input of the stages after it. */
  readonly key: string;
  readonly found: T;
  readonly seconds: number;
}

interface StageWork<T> {
  readonly name: string;
  /** Everything that the result depends on, as data. */
  readonly inputs: unknown;
  /** Files and folders that the stage makes. They are removed before a stage begins whose inputs have changed. */
  readonly makes: readonly string[];
  /** @param spent seconds that earlier runs gave to this very stage */
  work(spent: number): Promise<T>;
}

export class DraftJournal {
  readonly #file: string;
  readonly #entries: Map<string, Entry>;

  private constructor(file: string, entries: Map<string, Entry>) {
    this.#file = file;
    this.#entries = entries;
  }

  /** The journal of a folder. Throws `bad_journal` for a file that is none. */
  static async open(folder: string): Promise<DraftJournal> {
    const file = path.join(folder, FILE);
    const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return "{}";
      throw cause;
    });
    try {
      return new DraftJournal(file, new Map(Object.entries(journalSchema.parse(JSON.parse(text)))));
    } catch (cause) {
      throw new OutriderError("bad_journal", `${file} is damaged; remove it, or name another folder with --out`, {
        cause,
      });
    }
  }

  /** What the stage finds: from the journal if it is done with the same inputs, else by its work. */
  async stage<T>({ name, inputs, makes, work }: StageWork<T>): Promise<Finished<T>> {
    const key = createHash("sha256")
      .update(JSON.stringify([name, inputs]))
      .digest("hex");
    const before = this.#entries.get(name);
    if (before?.key === key && before.done) return { key, found: before.found as T, seconds: before.seconds };
    if (before?.key !== key) for (const made of makes) await rm(made, { recursive: true, force: true });
    const spent = before?.key === key ? before.seconds : 0;
    const began = performance.now();
    const keep = (more: Pick<Entry, "done" | "found">): Promise<void> => {
      this.#entries.set(name, { key, seconds: spent + (performance.now() - began) / 1000, ...more });
      return this.#write();
    };
    await keep({ done: false, found: null });
    let writing = Promise.resolve();
    const timer = setInterval(() => {
      writing = keep({ done: false, found: null });
    }, KEEP_MS);
    const ended = async (more: Pick<Entry, "done" | "found">): Promise<void> => {
      clearInterval(timer);
      await writing;
      await keep(more);
    };
    try {
      const found = await work(spent);
      await ended({ done: true, found: found ?? null });
      return { key, found, seconds: this.#entries.get(name)!.seconds };
    } catch (error) {
      await ended({ done: false, found: null });
      throw error;
    }
  }

  async #write(): Promise<void> {
    await mkdir(path.dirname(this.#file), { recursive: true });
    await writeFile(`${this.#file}.part`, `${JSON.stringify(Object.fromEntries(this.#entries), null, 2)}\n`);
    await rename(`${this.#file}.part`, this.#file);
  }
}
