/** Directories in memory: what a sink wrote, opened again. */
import type { PackSink } from "../../src/core/format/pack.ts";
import { bytesSource, type OpenFile } from "../../src/core/format/source.ts";
import { OutriderError } from "../../src/core/model/errors.ts";

export class MemoryDirectory implements PackSink {
  readonly files = new Map<string, Uint8Array>();

  async write(name: string, bytes: Uint8Array): Promise<void> {
    this.files.set(name, bytes);
  }

  text(name: string): string {
    return new TextDecoder().decode(this.files.get(name));
  }

  readonly open: OpenFile = async (name) => {
    const bytes = this.files.get(name);
    if (!bytes) throw new OutriderError("not_found", `${name}: there is no such file`);
    return bytesSource(name, bytes);
  };
}
