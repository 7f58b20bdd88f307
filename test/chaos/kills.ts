/** SIGKILLs of the origin that answers, in the middle of the answer, with a second one there. */
import { World } from "./world.ts";

/** Returns what was wrong, a line for each answer that was not the undisturbed one. */
export async function kills(count: number, say: (line: string) => void): Promise<readonly string[]> {
  const world = await World.start();
  const wrong: string[] = [];
  try {
    for (let n = 0; n < count; n++) {
      const fault = await world.killed(n);
      if (fault !== null) wrong.push(`kill ${n}: ${fault}`);
      if ((n + 1) % 20 === 0) say(`${n + 1} kills, ${n + 1 - wrong.length} right texts`);
    }
  } finally {
    await world.close();
  }
  return wrong;
}
