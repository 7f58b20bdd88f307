/**
 * A corpus on disk. Lines are appended as they come, so that a stopped run loses no line that was written. A later run
 * reads which lines are there and adds only the missing ones. In a .gz file each appended line is a gzip member of its
 * own (RFC 1952 §2.2), so that the file is whole after each line. Opening and closing the file join the members, which
 * halves its size.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { constants, gunzipSync, gzipSync } from "node:zlib";
import { OutriderError } from "../../core/model/errors.ts";
import { fileIfThere } from "../../core/platform/named-file.ts";
import { asLines } from "../text/text-file.ts";
import { type Line, lineSchema } from "./line.ts";

export class CorpusFile {
  readonly #file: string;
  readonly #lines: Line[] = [];
  /** prompt → temperature → answer */
  readonly #answers = new Map<string, Map<number, readonly number[]>>();
  /** seed of one of the target's own questions → its prompt */
  readonly #turns = new Map<number, readonly number[]>();

  /**
   * Reads the lines of `file` if it exists. Throws `bad_corpus` for a line that no target with `vocabulary` tokens can
   * have written.
   */
  constructor(file: string, vocabulary: number) {
    if (!/\.jsonl(\.gz)?$/.test(file)) throw bad(file, "a corpus is called NAME.jsonl or NAME.jsonl.gz");
    this.#file = file;
    mkdirSync(path.dirname(file), { recursive: true });
    if (!fileIfThere(file)) return;
    const { lines, damaged } = wholeLines(file);
    for (const [n, text] of lines.entries()) this.#keep(readLine(file, n, text, vocabulary));
    if (damaged) this.#rewrite();
  }

  get lines(): readonly Line[] {
    return this.#lines;
  }

  /** The answer to a prompt at a temperature, if it is there. */
  answer(prompt: readonly number[], temperature: number): readonly number[] | undefined {
    return this.#answers.get(key(prompt))?.get(temperature);
  }

  /** The prompt of the target's own question with this seed, if the file has an answer to it. */
  turn(seed: number): readonly number[] | undefined {
    return this.#turns.get(seed);
  }

  /** Appends a line, unless the same answer to the same prompt is there. Returns whether it did. */
  add(line: Line): boolean {
    const same = key(line.answer);
    for (const answer of this.#answers.get(key(line.prompt))?.values() ?? []) if (key(answer) === same) return false;
    appendFileSync(this.#file, packed(this.#file, asLines([line])));
    this.#keep(line);
    return true;
  }

  /** Joins the members of a .gz file. */
  close(): void {
    if (isGzip(this.#file) && existsSync(this.#file)) this.#rewrite();
  }

  #rewrite(): void {
    const text = asLines(this.#lines);
    writeFileSync(`${this.#file}.part`, packed(this.#file, text));
    renameSync(`${this.#file}.part`, this.#file);
  }

  #keep(line: Line): void {
    this.#lines.push(line);
    const answers = this.#answers.get(key(line.prompt)) ?? new Map();
    this.#answers.set(key(line.prompt), answers.set(line.temperature, line.answer));
    if (line.turn_seed !== undefined) this.#turns.set(line.turn_seed, line.prompt);
  }
}

const key = (ids: readonly number[]): string => ids.join(" ");

const isGzip = (file: string): boolean => file.endsWith(".gz");

const packed = (file: string, text: string): string | Uint8Array => (isGzip(file) ? gzipSync(text) : text);

/**
 * The lines of a file without a last one that was cut off. In a .gz file a member that was cut off cannot be recovered.
 */
function wholeLines(file: string): { lines: string[]; damaged: boolean } {
  const bytes = readFileSync(file);
  const text = isGzip(file) ? unzipped(file, bytes) : bytes.toString();
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return { lines: whole.split("\n").filter(Boolean), damaged: isGzip(file) || whole.length < text.length };
}

/** Decompresses as much as can be read. */
function unzipped(file: string, bytes: Uint8Array): string {
  try {
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
  } catch (error) {
    throw bad(file, (error as Error).message);
  }
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
