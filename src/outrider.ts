#!/usr/bin/env node
/** The `outrider` command. */
import { spellOut } from "./tools/commands/console.ts";
import { main } from "./tools/commands/main.ts";

spellOut(console);

// `outrider --help | head` closes the pipe early, which is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});
process.exitCode = await main(process.argv.slice(2));
