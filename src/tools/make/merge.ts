/**
 * All texts as one corpus with the target's predictions beside it, and the answers that nothing is measured on or
 * taught with before the draft is done. Of the greedy answers that are held out, one half is what the finished draft is
 * evaluated on; the other half is scored while it is taught.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { open, rename, stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import { OutriderError } from "../../core/model/errors.ts";
import { type CorpusLine, positionsIn, taughtFile } from "./material.ts";

/** Bytes of a prediction: 32 tokens of u32, and as many log probabilities of f16 (models/distil). */
const PREDICTION_BYTES = 32 * (4 + 2);

export interface Merged {
  readonly lines: number;
  /** Positions that are taught. */
  readonly positions: number;
  /** Answers that are held out until the draft is done. */
  readonly heldOut: number;
}

/** Throws `not_judged` for a file whose predictions are not all there, and `no_text` where nothing is left. */
export async function mergeTexts(files: readonly string[], text: string, heldOutFile: string): Promise<Merged> {
  const lines = createWriteStream(`${text}.part`);
  const taught = createWriteStream(`${taughtFile(text)}.part`);
  const heldOut = createWriteStream(`${heldOutFile}.part`);
  const counts = { lines: 0, positions: 0, heldOut: 0 };
  let seenHeldOut = 0;
  for (const file of files) {
    await using predictions = await open(taughtFile(file));
    let offset = 0;
    for await (const json of createInterface(createReadStream(file))) {
      const line = JSON.parse(json) as CorpusLine;
      const bytes = PREDICTION_BYTES * positionsIn(line);
      const isHeldOut = line.split === "held-out" && line.temperature === 0 && seenHeldOut++ % 2 === 0;
      if (isHeldOut) {
        await put(heldOut, `${json}\n`);
        counts.heldOut++;
      } else {
        const { buffer, bytesRead } = await predictions.read(Buffer.alloc(bytes), 0, bytes, offset);
        if (bytesRead < bytes) throw new OutriderError("not_judged", `${file}: the target has not judged all of it`);
        await put(lines, `${json}\n`);
        await put(taught, buffer);
        counts.lines++;
        if (line.split !== "held-out") counts.positions += positionsIn(line);
      }
      offset += bytes;
    }
  }
  for (const [stream, file] of [
    [lines, text],
    [taught, taughtFile(text)],
    [heldOut, heldOutFile],
  ] as const) {
    stream.end();
    await finished(stream);
    await rename(`${file}.part`, file);
  }
  if (counts.positions === 0)
    throw new OutriderError("no_text", "there is no text to teach on; give more --hours or --text");
  return counts;
}

async function put(stream: ReturnType<typeof createWriteStream>, chunk: string | Uint8Array): Promise<void> {
  if (!stream.write(chunk)) await new Promise<void>((resolve) => stream.once("drain", () => resolve()));
}

/** Removes the beginning of a line that an interruption left at the end of a corpus. */
export async function dropTornLine(file: string): Promise<void> {
  const { size } = await stat(file);
  await using handle = await open(file, "r+");
  const step = 1 << 16;
  for (let end = size; end > 0; end -= step) {
    const start = Math.max(0, end - step);
    const { buffer } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
    const newline = buffer.lastIndexOf(10);
    if (newline >= 0) return handle.truncate(start + newline + 1);
  }
  await handle.truncate(0);
}
