/** What a chat request refuses, in the names of a door that was asked something else. */
import { OutriderError } from "../model/errors.ts";

/**
 * Runs `parse`, and says what it refuses in the names of a route.
 * @param messages where each message came from
 * @param fields names that chat requests have otherwise
 */
export function renamed<T>(messages: readonly string[], fields: Readonly<Record<string, string>>, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const { code, message, param, status } = error as OutriderError;
    if (!(error instanceof OutriderError) || param === null) throw error;
    const ofMessage = /^messages\[(\d+)\]/.exec(param);
    const chat = ofMessage ? ofMessage[0] : (/^\w+/.exec(param)?.[0] ?? param);
    const own = ofMessage ? messages[Number(ofMessage[1])] : fields[chat];
    if (own === undefined) throw error;
    throw new OutriderError(code, message.replaceAll(chat, own), { param: param.replace(chat, own), status });
  }
}
