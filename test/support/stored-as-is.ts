/** Pages that are stored as they are, for tests of what is done with pages. */
import type { AtRest } from "../../src/core/draft/at-rest.ts";

export function storedAsIs(memory: WebAssembly.Memory, bytes: number): AtRest {
  const page = (address: number) => new Uint8Array(memory.buffer, address, bytes);
  return { bytes, pack: page, unpack: (packed, _, address) => page(address).set(packed) };
}
