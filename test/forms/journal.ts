/** What a run has found, a line each, so that one that was stopped goes on. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import type { Asked } from "./asking.ts";

export class Journal {
  readonly #path: string | undefined;
  readonly #known = new Map<string, Asked | null>();

  /** @param path nothing is kept without it */
  constructor(path: string | undefined) {
    this.#path = path;
    if (!path || !existsSync(path)) return;
    for (const line of readFileSync(path, "utf8").split("\n").slice(0, -1)) {
      const [key, asked] = JSON.parse(line) as [string, Asked | null];
      this.#known.set(key, asked);
    }
  }

  async of(key: string, find: () => Promise<Asked | null>): Promise<Asked | null> {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = await find();
    if (this.#path) appendFileSync(this.#path, `${JSON.stringify([key, found])}\n`);
    return found;
  }
}
