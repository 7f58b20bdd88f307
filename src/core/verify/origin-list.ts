/** Several origins in one setting: `https://a.example;region=weur, https://b.example`. */
import { OutriderError } from "../model/errors.ts";
import { type Region, regionOf } from "./region.ts";

/** Whether a text is the URL of something that speaks HTTP. */
export const isHttpUrl = (text: string): boolean => /^https?:\/\//.test(text) && URL.canParse(text);

interface OriginEntry {
  /** http(s)://host:port */
  readonly url: string;
  /** Where it stands, if the setting says so. */
  readonly region: Region | null;
}

/** The origins that ORIGIN_URL names, in its order. Throws `bad_setting` (500) for what is no URL or names no region. */
export const originList = (text: string): readonly OriginEntry[] =>
  text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
    .map(originEntry);

function originEntry(entry: string): OriginEntry {
  const [url = "", ...rest] = entry.split(";").map((part) => part.trim());
  if (!isHttpUrl(url)) {
    throw bad(`ORIGIN_URL has "${url}", which is no URL; write it as https://origin.example.com`);
  }
  let region: Region | null = null;
  for (const part of rest) {
    const named = /^region=(.*)$/.exec(part)?.[1];
    if (named === undefined) {
      throw bad(`ORIGIN_URL has "${part}" after ${url}; all that may follow a URL is ;region=NAME`);
    }
    region = regionOf(named, `the region of ${url} in ORIGIN_URL`);
  }
  return { url, region };
}

const bad = (message: string) => new OutriderError("bad_setting", message, { status: 500 });
