/** A model's file from the Hugging Face hub. */
import { downloadFile, fileDownloadInfo, HubApiError } from "@huggingface/hub";
import type { HubSource, KnownTarget } from "./pair.ts";
import { type ModelSource, type ObtainedModel, storeModel } from "./store.ts";

/** How long to wait for the hub's first answer. */
const CONNECT_MS = 5000;
/** How long a download may stand still. */
const STALL_MS = 30_000;

/** The repositories in their order, as one source: without a connection none of them can be reached. */
export function fromHub(target: KnownTarget, repositories: readonly HubSource[]): ModelSource {
  return {
    name: "the Hugging Face hub",
    async obtain(cache) {
      const refusals: string[] = [];
      for (const repository of repositories) {
        try {
          return await fetchFile(cache, target, repository);
        } catch (error) {
          if (error instanceof TypeError || (error as Error).name === "TimeoutError") throw error;
          const why = error instanceof HubApiError ? `status ${error.statusCode}` : (error as Error).message;
          refusals.push(`${repository.hub}: ${why}`);
        }
      }
      throw new Error(refusals.join("; "));
    },
  };
}

async function fetchFile(cache: string, target: KnownTarget, repository: HubSource): Promise<ObtainedModel> {
  const { hub: repo, file = target.file, revision } = repository;
  const downloadInfo = await fileDownloadInfo({ repo, path: file, revision, fetch: impatientFetch });
  const blob = downloadInfo && (await downloadFile({ repo, path: file, revision, downloadInfo }));
  if (!blob) throw new Error(`there is no ${file}`);
  return await storeModel(cache, {
    name: file,
    size: blob.size,
    from: repo,
    sha256: file === target.file ? target.sha256 : undefined,
    bytes: (offset) => movingBytes(offset === 0 ? blob : blob.slice(offset)),
  });
}

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
