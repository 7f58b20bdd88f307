/**
 * `npm run bench wan`: the whole path over a distance. With a real target, wan-real.ts; with `--emulate [NAME]` before
 * an emulated GPU, wan-emulated.ts. Each file says what it asks and prints.
 */
await import(process.argv.includes("--emulate") ? "./wan-emulated.ts" : "./wan-real.ts");

export {};
