/**
 * node-llama-cpp, which is no dependency of the project: the first use installs it, with the binaries of this platform
 * alone (about 30 MB), into the cache folder, where the llama engine looks for it.
 */
import {
  findLlamaLibrary,
  type Library,
  LLAMA_VERSION,
  llamaBinaries,
} from "../../src/origin/engines/llama-library.ts";
import { installBeside } from "./beside.ts";

/** Throws what npm throws. */
export function llamaLibrary(): Promise<Library> {
  const binaries = llamaBinaries();
  if (!binaries) throw new Error(`node-llama-cpp has no CPU binaries for ${process.platform}-${process.arch}`);
  // The optional packages it would bring are every platform's binaries, CUDA's too (1.3 GB).
  installBeside("llama", "node-llama-cpp", LLAMA_VERSION, { [binaries]: LLAMA_VERSION });
  return findLlamaLibrary();
}
