/** The origins that the settings name. */
import { numberSetting } from "../../core/model/number-setting.ts";
import { originList } from "../../core/verify/origin-list.ts";
import type { Region } from "../../core/verify/region.ts";
import type { Env } from "../env.ts";

export interface Origin {
  /** Tells it from the others: its URL, or `ORIGIN` for the binding. */
  readonly name: string;
  /** Where it stands, if ORIGIN_URL says so. */
  readonly region: Region | null;
  /** A request to a path of the origin, with its bearer token. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** In the order of the settings; none where none is configured. Throws `bad_setting` (500). */
export function originsOf(env: Env): readonly Origin[] {
  const listed = originList(env.ORIGIN_URL ?? "");
  if (listed.length > 0) {
    return listed.map(({ url, region }) => ({
      name: url,
      region,
      fetch: (path, init) => fetch(new URL(path, url), authorised(env, init)),
    }));
  }
  const { ORIGIN } = env;
  if (!ORIGIN) return [];
  return [
    {
      name: "ORIGIN",
      region: null,
      fetch: (path, init) => ORIGIN.fetch(`http://origin${path}`, authorised(env, init)),
    },
  ];
}

/** ORIGIN_DEADLINE_MS in ms; undefined where it is not set. Throws `bad_setting` (500) where it is no number of ms. */
export const deadlineOf = ({ ORIGIN_DEADLINE_MS: given }: Env): number | undefined =>
  numberSetting(
    "ORIGIN_DEADLINE_MS",
    given,
    undefined,
    (ms) => Number.isInteger(ms) && ms >= LEAST_DEADLINE_MS && ms <= MOST_DEADLINE_MS,
    `write a whole number of ms from ${LEAST_DEADLINE_MS} to ${MOST_DEADLINE_MS}`,
  );

const LEAST_DEADLINE_MS = 1000;
const MOST_DEADLINE_MS = 3_600_000;

function authorised({ ORIGIN_TOKEN }: Env, init: RequestInit = {}): RequestInit {
  const headers = new Headers(init.headers);
  if (ORIGIN_TOKEN) headers.set("authorization", `Bearer ${ORIGIN_TOKEN}`);
  return { ...init, headers };
}
