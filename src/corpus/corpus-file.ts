/**
 * A corpus on disk: lines are appended as they come, so that a stopped run loses none that was written, and what is there
 * is known, so that a run adds only what is missing. Of a .gz file every line is a member of its own (RFC 1952 §2.2): a
 * quarter larger than one member would be, but whole after every line.
 */
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { constants, gunzipSync, gzipSync } from "node:zlib";
import { OutriderError } from "../model/errors.ts";
import { type Line, lineSchema } from "./line.ts";

export class CorpusFile {
  readonly #file: string;
  readonly #lines: Line[] = [];
  /** prompt → temperature → answer */ readonly #answers = new Map<string, Map<number, readonly number[]>>();
  /** seed of a question that the target asked itself → its prompt */ readonly #turns = new Map<
    number,
    readonly number[]
  >();

  /** Reads what `file` holds, if it is there. Throws `bad_corpus` for lines that are none of a target with `vocabulary` tokens. */
  constructor(file: string, vocabulary: number) {
    if (!/\.jsonl(\.gz)?$/.test(file)) throw bad(file, "a corpus is called NAME.jsonl or NAME.jsonl.gz");
    this.#file = file;
    if (!existsSync(file)) return;
    for (const [n, text] of wholeLines(file).entries()) this.#keep(readLine(file, n, text, vocabulary));
  }

  get lines(): readonly Line[] {
    return this.#lines;
  }

  /** The answer to a prompt at a temperature, if it is there. */
  answer(prompt: readonly number[], temperature: number): readonly number[] | undefined {
    return this.#answers.get(key(prompt))?.get(temperature);
  }

  /** The prompt of the question that the target asked itself with this seed, if any answer to it is there. */
  turn(seed: number): readonly number[] | undefined {
    return this.#turns.get(seed);
  }

  /** Appends a line, unless that answer to that prompt is there already; says whether it did. */
  add(line: Line): boolean {
    const same = key(line.answer);
    for (const answer of this.#answers.get(key(line.prompt))?.values() ?? []) if (key(answer) === same) return false;
    appendFileSync(this.#file, packed(this.#file, `${JSON.stringify(line)}\n`));
    this.#keep(line);
    return true;
  }

  #keep(line: Line): void {
    this.#lines.push(line);
    const answers = this.#answers.get(key(line.prompt)) ?? new Map();
    this.#answers.set(key(line.prompt), answers.set(line.temperature, line.answer));
    if (line.turn_seed !== undefined) this.#turns.set(line.turn_seed, line.prompt);
  }
}

const key = (ids: readonly number[]): string => ids.join(" ");

const packed = (file: string, text: string): string | Uint8Array => (file.endsWith(".gz") ? gzipSync(text) : text);

/** The lines of a file; if it was cut off in the middle of one, the file is first put right. */
function wholeLines(file: string): string[] {
  const bytes = readFileSync(file);
  let text: string;
  let cut = false;
  if (file.endsWith(".gz")) {
    try {
      text = gunzipSync(bytes).toString();
    } catch {
      text = gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
      cut = true;
    }
  } else text = bytes.toString();
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (cut || whole.length < text.length) {
    writeFileSync(`${file}.part`, packed(file, whole));
    renameSync(`${file}.part`, file);
  }
  return whole.split("\n").filter(Boolean);
}

function readLine(file: string, n: number, text: string, vocabulary: number): Line {
  const where = `line ${n + 1}`;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw bad(file, `${where} is not JSON`);
  }
  const { success, data, error } = lineSchema.safeParse(json);
  if (!success) throw bad(file, `${where}, ${error.issues[0]!.path.join(".")}: ${error.issues[0]!.message}`);
  const alien = [...data.prompt, ...data.answer].find((id) => id >= vocabulary);
  if (alien !== undefined) throw bad(file, `${where} has token ${alien}, the target has ${vocabulary} tokens`);
  return data;
}

const bad = (file: string, what: string): OutriderError =>
  new OutriderError("bad_corpus", `${path.basename(file)}: ${what}; give another --out`);
