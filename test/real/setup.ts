/**
 * Once before the real suite: the packs that `npm start` would serve. Obtains the model if the machine does not have
 * it.
 */
import { prepare } from "../support/prepared.ts";

export default async function setup(): Promise<void> {
  await prepare();
}
