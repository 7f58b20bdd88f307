#!/usr/bin/env node
/**
 * The `outrider` command: runs what is compiled in dist/. A clone has the sources beside it, and compiles first what
 * changed since the last time; the published package has dist/ alone.
 */
import { existsSync } from "node:fs";

const LEAST_NODE = 20;

async function prepared() {
  if (Number.parseInt(process.versions.node, 10) < LEAST_NODE) {
    throw new Error(`Node ${LEAST_NODE} or newer is needed, and this is ${process.versions.node}`);
  }
  if (!existsSync(new URL("src/outrider.ts", import.meta.url))) return;
  const { default: build } = await import("./build.js");
  await build();
}

try {
  await prepared();
} catch (error) {
  console.error(`outrider: ${error.message}`);
  process.exit(1);
}
await import("./dist/outrider.js");
