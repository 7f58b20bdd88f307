/** Options of a program that is no command of `outrider`: benches, and suites with programs of their own. */
import { type ParseArgsConfig, parseArgs } from "node:util";

/**
 * As Node's `parseArgs`. An option that is not understood ends the program with one sentence and status 2, where Node
 * would throw.
 */
export function parseOptions<const T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    const [sentence] = (error as Error).message.split(". ");
    const options = Object.keys(config.options ?? {}).map((name) => `--${name}`);
    console.error(
      `${sentence}; ${options.length === 0 ? "there are no options" : `the options are ${options.join(", ")}`}`,
    );
    process.exit(2);
  }
}
