/** Layout of the shared memory: pieces of given sizes, one after the other. */

const ALIGNMENT = 64;

export const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Addresses of pieces with these sizes in bytes, laid end to end from `start`, and where the last one ends. */
export function layOut<K extends string>(
  start: number,
  sizes: Readonly<Record<K, number>>,
): { at: Record<K, number>; end: number } {
  const at = {} as Record<K, number>;
  let end = start;
  for (const name of Object.keys(sizes) as K[]) {
    at[name] = end;
    end += align(sizes[name]);
  }
  return { at, end };
}
