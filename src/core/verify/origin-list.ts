/** Several origins in one setting: `https://a.example;region=weur, https://b.example`. */
import { OutriderError } from "../model/errors.ts";
import { type Region, regionOf } from "./region.ts";

/** Whether a text is the URL of something that speaks HTTP. */
export const isHttpUrl = (text: string): boolean => /^https?:\/\//.test(text) && URL.canParse(text);

export interface OriginEntry {
  /** http(s)://host:port */
  readonly url: string;
  /** Where it stands, if the setting says so. */
  readonly region: Region | null;
}

/** Throws `bad_setting` (500) where both settings for origins have a value. */
export function checkOneSetting(url: unknown, urls: unknown): void {
  if (url && urls) throw bad("ORIGIN_URL and ORIGIN_URLS are both set; keep one of them");
}

/**
 * The origins of a setting, in its order.
 * @param setting what the setting is called, for messages
 * Throws `bad_setting` (500) for what is no URL or names no region.
 */
export const originList = (text: string, setting: string): readonly OriginEntry[] =>
  text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
    .map((entry) => originEntry(entry, setting));

function originEntry(entry: string, setting: string): OriginEntry {
  const [url = "", ...rest] = entry.split(";").map((part) => part.trim());
  if (!isHttpUrl(url)) {
    throw bad(`${setting} has "${url}", which is no URL; write it as https://origin.example.com`);
  }
  let region: Region | null = null;
  for (const part of rest) {
    const named = /^region=(.*)$/.exec(part)?.[1];
    if (named === undefined) {
      throw bad(`${setting} has "${part}" after ${url}; all that may follow a URL is ;region=NAME`);
    }
    region = regionOf(named, `the region of ${url} in ${setting}`);
  }
  return { url, region };
}

const bad = (message: string) => new OutriderError("bad_setting", message, { status: 500 });
