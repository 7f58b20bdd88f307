/** Memory and CPU of processes while a load runs, from Linux's /proc. */
import { readdirSync, readFileSync } from "node:fs";

/** A process group, and the name of those of its processes that are meant. */
export interface Watched {
  readonly group: number;
  readonly command: string;
}

export interface Reading {
  /** Conversations that were over. */
  readonly done: number;
  /** Resident memory. */
  readonly mb: number;
}

/** Linux counts CPU in these. */
const TICK_MS = 10;
/** No more often than this, ms: reading is work too. */
const EVERY_MS = 500;

export class Gauge<Name extends string> {
  readonly #processes: Readonly<Record<Name, Watched>>;
  readonly #readings = new Map<string, Reading[]>();
  readonly #cpuBefore: Readonly<Record<string, number>>;
  #done = 0;
  #readAt = 0;

  constructor(processes: Readonly<Record<Name, Watched>>) {
    this.#processes = processes;
    this.#cpuBefore = Object.fromEntries(this.#names.map((name) => [name, total(processes[name]).cpuMs]));
  }

  get #names(): Name[] {
    return Object.keys(this.#processes) as Name[];
  }

  /** Called behind each conversation. */
  read(): void {
    this.#done++;
    if (performance.now() - this.#readAt < EVERY_MS) return;
    this.#readAt = performance.now();
    for (const name of this.#names) {
      const readings = this.#readings.get(name) ?? [];
      readings.push({ done: this.#done, mb: total(this.#processes[name]).bytes / 1e6 });
      this.#readings.set(name, readings);
    }
  }

  memory(name: Name): readonly Reading[] {
    return this.#readings.get(name) ?? [];
  }

  /** Since the gauge was made. */
  cpuMs(name: Name): number {
    return total(this.#processes[name]).cpuMs - this.#cpuBefore[name]!;
  }
}

/** Of all processes that are meant, together. */
function total({ group, command }: Watched): { bytes: number; cpuMs: number } {
  let [bytes, cpuMs] = [0, 0];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(fields[2]) !== group || !stat.includes(`(${command}`)) continue;
      bytes += 4096 * Number(fields[21]);
      cpuMs += TICK_MS * (Number(fields[11]) + Number(fields[12]));
    } catch {
      // It has ended meanwhile.
    }
  }
  return { bytes, cpuMs };
}
