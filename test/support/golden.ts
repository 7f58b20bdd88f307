/** Golden files, and seeded damage for tests of what readers do with files that went bad. */
import { readFileSync } from "node:fs";
import { OutriderError } from "../../src/core/model/errors.ts";
import { seeded } from "./random.ts";

export const goldenBytes = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../golden/${name}`, import.meta.url)));

// biome-ignore lint/suspicious/noExplicitAny: golden JSON has the shape that its script writes
export const goldenJson = (name: string): any => JSON.parse(new TextDecoder().decode(goldenBytes(name)));

export const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));

/**
 * Copies of `bytes` with one kind of damage each: bytes changed in the first `within`, cut off, or a field set to an
 * extreme.
 */
export function* damaged(bytes: Uint8Array, count: number, within: number, seed: number): Generator<Uint8Array> {
  const random = seeded(seed);
  const place = () => Math.floor(random() * Math.min(within, bytes.length));
  for (let n = 0; n < count; n++) {
    const copy = bytes.slice();
    switch (n % 4) {
      case 0:
        copy[place()]! ^= 1 << Math.floor(random() * 8);
        break;
      case 1:
        for (let flips = 0; flips < 8; flips++) copy[place()] = Math.floor(random() * 256);
        break;
      case 2: {
        const at = place();
        copy.fill(random() < 0.5 ? 0xff : 0, at, at + [1, 4, 8][Math.floor(random() * 3)]!);
        break;
      }
      default:
        yield copy.slice(0, Math.floor(random() * copy.length));
        continue;
    }
    yield copy;
  }
}

/**
 * What reading came to: "read", or the code of the OutriderError; any other error is rethrown, because no reader may
 * throw one.
 */
export async function outcome(read: () => Promise<unknown>): Promise<string> {
  try {
    await read();
    return "read";
  } catch (error) {
    if (error instanceof OutriderError) return error.code;
    throw error;
  }
}
