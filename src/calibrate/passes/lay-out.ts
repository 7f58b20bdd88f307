/** Where things of given sizes lie in the shared memory. */

const ALIGNMENT = 64;

export const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Addresses of things of these sizes in bytes, one after the other from `start`, and where they end. */
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
