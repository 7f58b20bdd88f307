/** Answers that a real target gave, as `outrider corpus` stores them, and what follows a timeline in one of them. */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";
import * as z from "zod";
import { OutriderError } from "../../core/model/errors.ts";
import { checkFile } from "../../core/platform/named-file.ts";
import type { Sampling } from "../../core/speculate/types.ts";

const ids = z.array(z.int().nonnegative());
const lineSchema = z.object({
  prompt: ids.min(1),
  answer: ids.min(1),
  temperature: z.number().default(0),
  topK: z.int().default(0),
  topP: z.number().default(1),
  minP: z.number().default(0),
  seed: z.int().default(0),
});

export type Recording = z.infer<typeof lineSchema>;

export class Recordings {
  readonly all: readonly Recording[];
  readonly #byPrompt = new Map<string, Recording[]>();
  /** Lengths that recorded prompts have. */
  readonly #lengths: ReadonlySet<number>;

  constructor(all: readonly Recording[]) {
    this.all = all;
    this.#lengths = new Set(all.map(({ prompt }) => prompt.length));
    for (const recording of all) {
      const key = recording.prompt.join(" ");
      this.#byPrompt.set(key, [...(this.#byPrompt.get(key) ?? []), recording]);
    }
  }

  /** Reads a .jsonl or .jsonl.gz file. Throws as `checkFile` does, and `bad_recordings` naming the line. */
  static async read(file: string): Promise<Recordings> {
    checkFile(file);
    const bytes = await readFile(file);
    const lines = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString().split("\n").filter(Boolean);
    const all = lines.map((line, n) => {
      const parsed = lineSchema.safeParse(json(line));
      if (parsed.success) return parsed.data;
      const why = 'a line is {"prompt": ids, "answer": ids, "temperature": 0, "seed": 0}';
      throw new OutriderError("bad_recordings", `${basename(file)}, line ${n + 1}: ${why}`);
    });
    if (all.length === 0) throw new OutriderError("bad_recordings", `${basename(file)} holds no recorded answer`);
    return new Recordings(all);
  }

  /**
   * The answer under way: the recording whose prompt, followed by the beginning of its answer, is the timeline. The
   * longest prompt wins, because a later turn of a conversation begins with the first.
   */
  find(timeline: readonly number[], sampling: Sampling): Recording | undefined {
    for (let length = timeline.length; length > 0; length--) {
      if (!this.#lengths.has(length)) continue;
      const candidates = this.#byPrompt.get(timeline.slice(0, length).join(" "));
      const found = candidates?.find((recording) => continues(recording, timeline, length, sampling));
      if (found) return found;
    }
    return undefined;
  }

  /** What is recorded, in words. */
  get about(): string {
    const counts = new Map<number, number>();
    for (const { temperature } of this.all) counts.set(temperature, (counts.get(temperature) ?? 0) + 1);
    return [...counts].map(([temperature, count]) => `${count} answers at temperature ${temperature}`).join(" and ");
  }
}

/** Whether a timeline that begins as the recording does goes on so from position `from`, within the answer, too. */
export function continues(
  recording: Recording,
  timeline: readonly number[],
  from: number,
  sampling: Sampling,
): boolean {
  const { prompt, answer } = recording;
  if (from < prompt.length || !isDrawnAs(recording, sampling)) return false;
  for (let i = from; i < timeline.length; i++) if (timeline[i] !== answer[i - prompt.length]) return false;
  return true;
}

const isDrawnAs = (recording: Recording, sampling: Sampling): boolean =>
  sampling.temperature === 0
    ? recording.temperature === 0
    : (["temperature", "topK", "topP", "minP", "seed"] as const).every((name) => recording[name] === sampling[name]);

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
