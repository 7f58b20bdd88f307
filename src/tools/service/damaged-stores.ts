/**
 * Stores of a service that a crash, a full disk or a failing one has damaged. An object of the Worker's that cannot open
 * its SQLite file answers nobody, so each start puts such files aside, before the Worker's runtime opens them: what
 * was in them begins anew, and whoever wants to look finds them.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { runningModule } from "../../core/platform/places.ts";
import { newNode } from "./node.ts";
import { stateFolder } from "./work-folder.ts";

/** What SQLite writes beside a file. */
const PARTS = ["", "-wal", "-shm"];

/** What a store holds, by its file: the first that fits. Beside the files of a class's objects lie their alarms. */
const HELD = [
  { file: /-Session[\\/](?!metadata)/, one: "a conversation", several: "conversations" },
  { file: /-Meter[\\/](?!metadata)/, one: "the counts of a key", several: "counts of keys" },
  { file: /./, one: "a file of the runtime's own", several: "files of the runtime's own" },
] as const;

/** Moves the damaged stores of a service that does not run into a folder of their own. Returns what to tell of it. */
export async function putAsideDamaged(folder: string, now = new Date()): Promise<readonly string[]> {
  const state = stateFolder(folder);
  if (!existsSync(state)) return [];
  // Some versions of Node have SQLite behind an option, which the others take as well.
  const program = ["--no-warnings", "--experimental-sqlite", runningModule("tools/service/find-damaged"), state];
  const { status, stdout } = spawnSync(await newNode(), program, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) return ["what is stored was not checked for damage: this Node has no SQLite; update Node"];
  const damaged = JSON.parse(stdout) as string[];
  if (damaged.length === 0) return [];
  const aside = join(folder, "damaged", now.toISOString().replaceAll(":", "-"));
  for (const file of damaged) {
    mkdirSync(join(aside, dirname(file)), { recursive: true });
    for (const part of PARTS) {
      if (existsSync(join(state, file + part))) renameSync(join(state, file + part), join(aside, file + part));
    }
  }
  return [
    `damaged stores were put aside and begin anew: ${inWords(damaged)}; they lie in ${relative(".", aside)}, and may ` +
      "be deleted",
  ];
}

/** What was in the files, as "3 conversations, the counts of a key". */
function inWords(files: readonly string[]): string {
  const kinds = files.map((file) => HELD.find((held) => held.file.test(file)));
  return HELD.flatMap((held) => {
    const { length } = kinds.filter((kind) => kind === held);
    return length === 0 ? [] : [length === 1 ? held.one : `${length} ${held.several}`];
  }).join(", ");
}
