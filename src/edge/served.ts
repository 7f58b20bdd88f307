/** Which model this deployment serves: the one its draft was made for. Reads one field of the pack header, once an isolate. */
import * as z from "zod";
import { OutriderError } from "../model/errors.ts";

/** Where the draft's pack lies among the assets; the host is not looked at. */
export const PACK_URL = "https://assets/draft/";

const namesSchema = z.object({ model: z.string(), target: z.object({ model: z.string() }).optional() });

let served: string | undefined;

/** The id clients ask for. Throws `no_model` (503) when no pack is deployed. */
export async function servedModel(assets: Fetcher): Promise<string> {
  if (served !== undefined) return served;
  const response = await assets.fetch(`${PACK_URL}pack.json`);
  if (!response.ok) {
    throw new OutriderError("no_model", "no draft pack among the assets; run `npm start` or `npm run build` first", {
      status: 503,
    });
  }
  const { model, target } = namesSchema.parse(await response.json());
  served = target?.model ?? model;
  return served;
}
