/** SIGKILLs of the origin that answers, in the middle of the answer, with a second one there. */
import { World } from "./world.ts";

/** Nothing but the origin's death is to disturb an answer. */
const DEADLINE_MS = 60_000;

/**
 * Returns what was wrong, a line for each answer that was not the undisturbed one. On a fast machine the origin may
 * have said all before it is killed; of most answers it must not.
 */
export async function kills(
  count: number,
  gguf: string | null,
  say: (line: string) => void,
): Promise<readonly string[]> {
  const world = await World.start(DEADLINE_MS, gguf);
  const wrong: string[] = [];
  let late = 0;
  try {
    for (let n = 0; n < count; n++) {
      const { fault, isLate } = await world.killed(n);
      if (fault !== null) wrong.push(`kill ${n}: ${fault}`);
      else if (isLate) late++;
      if ((n + 1) % 20 === 0) say(`${n + 1} kills, ${n + 1 - wrong.length} right texts`);
    }
  } finally {
    await world.close();
  }
  if (late > count / 2) wrong.push(`${late} of ${count} kills came too late to interrupt anything`);
  return wrong;
}
