#!/usr/bin/env node
/** The `outrider` command. */
import { main } from "./commands/main.ts";

// `outrider --help | head` closes the pipe early, which is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});
process.exitCode = await main(process.argv.slice(2));
