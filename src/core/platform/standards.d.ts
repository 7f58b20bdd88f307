/** What the Workers runtime has and Cloudflare's types do not: for tsconfig.workers.json alone. */

/** The timer that `setTimeout` returned, or none. */
declare function clearTimeout(timer: number | undefined): void;

/** The only part of this module that Workers of this project use. */
declare module "node:zlib" {
  export function crc32(data: string | Uint8Array, value?: number): number;
}
