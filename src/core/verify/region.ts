/**
 * Parts of the world in which Cloudflare makes Durable Objects when asked to ("location hints"). Edge and origin name
 * the place of an origin, and of a Session, by them. A hint is a wish: Cloudflare promises nothing, and `sam`, `afr`
 * and `me` host no objects of their own today.
 */
import { OutriderError } from "../model/errors.ts";

export const REGIONS = [
  "wnam",
  "enam",
  "sam",
  "weur",
  "eeur",
  "apac",
  "apac-ne",
  "apac-se",
  "oc",
  "afr",
  "me",
] as const;

export type Region = (typeof REGIONS)[number];

const isRegion = (text: string): text is Region => (REGIONS as readonly string[]).includes(text);

/**
 * The region that a setting names.
 * @param setting what the setting is called, for the message
 * Throws `bad_setting` (500) where it names none.
 */
export function regionOf(text: string, setting: string): Region {
  if (isRegion(text)) return text;
  throw new OutriderError(
    "bad_setting",
    `${setting} is "${text}", which is no region; write one of ${REGIONS.join(", ")}, or leave it empty`,
    { status: 500 },
  );
}
