/** What a chat request refuses, in the names of a door that was asked something else. */
import { OutriderError } from "../../core/model/errors.ts";

/**
 * Runs `parse`, and says what it refuses in the names of a route.
 * @param messages where each message came from
 * @param fields names that chat requests have otherwise
 * @param inner parts of places inside of fields that chat requests have otherwise, in order
 */
export function renamed<T>(
  messages: readonly string[],
  fields: Readonly<Record<string, string>>,
  inner: Readonly<Record<string, string>>,
  parse: () => T,
): T {
  try {
    return parse();
  } catch (error) {
    const { code, message, param, status } = error as OutriderError;
    if (!(error instanceof OutriderError) || param === null) throw error;
    const ofMessage = /^messages\[(\d+)\]/.exec(param);
    const chat = ofMessage ? ofMessage[0] : (/^\w+/.exec(param)?.[0] ?? param);
    const own = ofMessage ? messages[Number(ofMessage[1])] : fields[chat];
    const changed = Object.entries(inner).filter(([name]) => param.includes(name));
    if (own === undefined && changed.length === 0) throw error;
    const told = (text: string): string =>
      changed.reduce((all, [name, other]) => all.replaceAll(name, other), text.replaceAll(chat, own ?? chat));
    throw new OutriderError(code, told(message), { param: told(param), status });
  }
}
