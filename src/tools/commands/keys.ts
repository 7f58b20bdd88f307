/** `outrider keys`: keys with names, in the file of secrets that `outrider deploy` uploads. */
import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { OutriderError } from "../../core/model/errors.ts";
import {
  checkKeyName,
  formatKeys,
  type KeyLimits,
  type KeyRecord,
  type Keys,
  keyHash,
  LIMITS,
  limitWords,
  MOST_KEY_BYTES,
  parseKeys,
} from "../../core/platform/keys.ts";
import { fileIfThere } from "../../core/platform/named-file.ts";
import { command } from "./command.ts";
import { table } from "./help.ts";
import { many, text, usage, whole } from "./options.ts";

const limit = (about: string) => whole(`add: ${about}; no limit unless given`, { from: 1, to: 999_999_999_999 });

export const keysCommand = command({
  examples: [
    ["outrider keys add anna --rpm 60 --tpm 40000", "makes a key, shows it once, and keeps its hash and limits"],
    ["outrider keys list --url https://edge.example.com", "keys, limits, and what each used on its last day"],
    ["outrider keys revoke anna", "takes it out; the next deploy makes it so"],
  ],
  positionals: { words: many("add NAME|list|revoke NAME", "what to do") },
  options: {
    rpm: limit(LIMITS.rpm),
    rpd: limit(LIMITS.rpd),
    tpm: limit(LIMITS.tpm),
    tpd: limit(LIMITS.tpd),
    parallel: limit(LIMITS.parallel),
    max: limit(LIMITS.max),
    file: text("FILE", "where API_KEYS and OPERATOR_KEY stand", { default: ".prod.vars" }),
    url: text("URL", "list: the edge, which is asked for usage with OPERATOR_KEY"),
  },
  notes: `A key is a random word. Only its SHA-256 is kept, so a lost key cannot be shown again: revoke it and add another.
Add a name that is there already to give it a new key. A change counts from the next \`outrider deploy\` on. A value of
a Worker's environment has at most 5 KiB, which is about 45 keys. Keys without names that stand in API_KEYS stay as they are.`,
  async run({ words: [action, name, ...rest], file, url, ...limits }) {
    if (action === "list" && name === undefined) return list(keysIn(file).named, file, url);
    if ((action !== "add" && action !== "revoke") || name === undefined || rest.length > 0) {
      throw usage("say add NAME, list or revoke NAME");
    }
    const known = keysIn(file);
    const others = known.named.filter((each) => each.name !== name);
    if (action === "revoke") {
      if (others.length === known.named.length) throw unknown(name, file);
      write(file, known, others);
      console.log(`revoked ${name}; \`outrider deploy\` makes it so`);
      return;
    }
    checkKeyName(name);
    const key = `or-${randomBytes(24).toString("hex")}`;
    write(file, known, [...others, { name, hash: await keyHash(key), limits: given(limits) }]);
    console.log(key);
    console.error(`this is the key of ${name}; it is not shown again. \`outrider deploy\` makes it valid`);
  },
});

const given = (limits: Readonly<Record<keyof KeyLimits, number | undefined>>): KeyLimits =>
  Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));

const unknown = (name: string, file: string) =>
  new OutriderError("unknown_key", `${file} has no key "${name}"; \`outrider keys list\` shows those that there are`);

/** The text of a file; none where there is no such file. */
const textOf = (file: string): string => (fileIfThere(file) ? readFileSync(file, "utf8") : "");

const settingsIn = (file: string): NodeJS.Dict<string> => parseEnv(textOf(file));

function keysIn(file: string): Keys {
  const { API_KEYS } = settingsIn(file);
  return API_KEYS ? parseKeys(API_KEYS) : { plain: [], named: [] };
}

/** Replaces the line API_KEYS and leaves the rest of the file as it is, closed to others than its owner. */
function write(file: string, { plain }: Keys, named: readonly KeyRecord[]): void {
  const line = `API_KEYS="${formatKeys({ plain, named })}"`;
  if (line.length > MOST_KEY_BYTES) {
    throw new OutriderError(
      "too_many_keys",
      `${plain.length + named.length} keys take more than the ${MOST_KEY_BYTES} bytes of API_KEYS`,
    );
  }
  const before = textOf(file);
  const pattern = /^API_KEYS=.*$/m;
  const gap = before === "" || before.endsWith("\n") ? "" : "\n";
  const after = pattern.test(before) ? before.replace(pattern, () => line) : `${before}${gap}${line}\n`;
  closeToOthers(file);
  writeFileSync(file, after, { mode: 0o600 });
}

/** Hashes of keys and secrets stand in the file: nobody but its owner is to read or write it. */
function closeToOthers(file: string): void {
  const { mode = 0 } = fileIfThere(file) ?? {};
  // Windows tells a mode that it does not keep.
  if ((mode & 0o077) === 0 || process.platform === "win32") return;
  chmodSync(file, mode & 0o700);
  console.error(`${file} could be used by others of this machine; now it is its owner's alone`);
}

async function list(records: readonly KeyRecord[], file: string, url: string | undefined): Promise<void> {
  const operator = settingsIn(file).OPERATOR_KEY;
  if (url !== undefined && !operator) throw usage(`--url needs OPERATOR_KEY in ${file}`);
  const rows: [string, string][] = [];
  for (const { name, limits } of records) {
    const used = url === undefined ? "" : `; ${await usageOf(url, name, operator!)}`;
    rows.push([name, `${limitWords(limits).join(" ") || "no limits"}${used}`]);
  }
  console.log(rows.length === 0 ? `${file} has no keys` : table(rows).join("\n"));
}

async function usageOf(url: string, name: string, operator: string): Promise<string> {
  const response = await fetch(new URL(`/v1/usage/${name}`, url), { headers: { authorization: `Bearer ${operator}` } });
  if (!response.ok) {
    throw new OutriderError(
      "no_usage",
      `${url} does not tell usage (${response.status}); is its OPERATOR_KEY the same?`,
    );
  }
  const { days } = (await response.json()) as { days: { day: string; requests: number; tokens: number }[] };
  const [last] = days;
  return last ? `${last.day}: ${last.requests} requests, ${last.tokens} tokens` : "not used";
}
