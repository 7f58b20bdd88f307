/** docs/reference/commands.md: the help of every command. */
import { stripVTControlCharacters } from "node:util";
import { COMMANDS } from "../src/tools/commands/main.ts";

const INTRODUCTION = `# Commands

<!-- Written by \`npm run docs:generate\` from src/tools/commands. Change those, not this file. -->

Results go to stdout, progress and errors to stderr. The exit status is 0, 1 for what failed, 2 for a command
line that is not understood. \`-h\` and \`--help\` work everywhere. \`OUTRIDER_DEBUG=1\` shows
where in the program an error came from.`;

/** Help of each command by its name. */
export async function helps(): Promise<Map<string, string>> {
  const pages = new Map<string, string>();
  for (const [name, row] of COMMANDS) {
    const command = await row.load();
    pages.set(name, stripVTControlCharacters(command.help(`outrider ${name}`, row.summary)));
  }
  return pages;
}

/** Path under the repository → content. */
export async function commandFiles(): Promise<Record<string, string>> {
  const sections = [...(await helps())].map(([name, help]) => `## outrider ${name}\n\n\`\`\`\n${help}\n\`\`\``);
  return { "docs/reference/commands.md": `${[INTRODUCTION, ...sections].join("\n\n")}\n` };
}
