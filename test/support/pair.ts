/** A target that can be fetched: the golden Llama, as a pair.json would describe it. */
import { readGgufMetadata } from "../../src/core/format/gguf.ts";
import { ggufShape, ggufVocabulary } from "../../src/core/format/gguf-facts.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { sha256Hex } from "../../src/core/model/sha256.ts";
import { vocabularyHash } from "../../src/core/model/tokenizer-files.ts";
import type { KnownTarget } from "../../src/tools/obtain/pair.ts";
import { goldenBytes } from "./golden.ts";

export async function goldenTarget(): Promise<KnownTarget> {
  const bytes = goldenBytes("llama.gguf");
  const metadata = await readGgufMetadata(bytesSource("llama.gguf", bytes));
  return {
    model: "golden",
    file: "golden.gguf",
    bytes: bytes.length,
    sha256: await sha256Hex(bytes),
    vocabulary: await vocabularyHash(ggufVocabulary("llama.gguf", metadata)),
    shape: ggufShape(metadata) as KnownTarget["shape"],
    sources: [
      { hub: "first/golden-GGUF", revision: "abc" },
      { hub: "second/golden-GGUF", file: "golden-other.gguf" },
    ],
  };
}
