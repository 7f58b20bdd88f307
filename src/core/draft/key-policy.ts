/** Key policies: which keys of a conversation a draft holds, and which of these it reads. A policy is one row here. */
import { PAGE_TOKENS } from "../kernels/abi.ts";
import { OutriderError } from "../model/errors.ts";

/** How many keys an attention may read. */
export interface KeyBudget {
  /** Share of the keys, over 0, at most 1. */
  readonly share: number;
  /** Keys that are read whatever their share; one when absent. */
  readonly least?: number;
}

/** What a setting says of a conversation's keys: all are held and read where it says neither. */
export interface KeyPolicy {
  /** Tokens whose keys are held at most: those of the first page and the newest. As many as fit when absent. */
  readonly held?: number;
  /** InfiniGen chooses which of the held keys a draft step reads; all when absent. */
  readonly infinigen?: KeyBudget;
}

/** A policy by its name, as a pack's `drafting.keeping` and `--key-policy` give it. */
interface KeyPolicyRow {
  /** What stands behind the colon, for the error; no colon where absent. */
  readonly number?: string;
  readonly example: string;
  /** The policy with this number; undefined where the number does not fit. */
  read(number: number | undefined): KeyPolicy | undefined;
}

/** Of a setting: what fewer keys would save is little. */
const LEAST = 512;
/** A cache holds three pages or more (cache.ts). */
const LEAST_HELD = 3 * PAGE_TOKENS;

export const KEY_POLICIES: Readonly<Record<string, KeyPolicyRow>> = {
  all: { example: "all", read: (number) => (number === undefined ? {} : undefined) },
  /** The first page and the newest tokens (cache.ts). */
  near: {
    number: `a multiple of ${PAGE_TOKENS} tokens from ${LEAST_HELD} on`,
    example: "near:384",
    read: (held = 0) => (held >= LEAST_HELD && held % PAGE_TOKENS === 0 ? { held } : undefined),
  },
  /** Everything is held, and a share of it is read (infinigen/), of at least 512 keys. */
  infinigen: {
    number: "a share of the keys",
    example: "infinigen:0.2",
    read: (share = 0) => (share > 0 && share <= 1 ? { infinigen: { share, least: LEAST } } : undefined),
  },
};

/** The policy of a setting such as `all` or `near:384`. Throws `bad_key_policy` for anything else. */
export function readKeyPolicy(text: string): KeyPolicy {
  const [name = "", number, ...rest] = text.split(":");
  const row = Object.hasOwn(KEY_POLICIES, name) && rest.length === 0 ? KEY_POLICIES[name] : undefined;
  const policy = row?.read(number === undefined ? undefined : Number(number));
  if (policy) return policy;
  const forms = Object.entries(KEY_POLICIES).map(([known, { number: behind, example }]) =>
    behind === undefined ? known : `${known} with ${behind}, such as ${example}`,
  );
  throw new OutriderError("bad_key_policy", `"${text}" names no key policy; take ${forms.join(", or ")}`);
}
