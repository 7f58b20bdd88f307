/** Commands that are shell scripts of a test. */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { vi } from "vitest";

/** Puts commands on an otherwise empty PATH, into `folder`. `scripts`: by name, what /bin/sh runs. */
export async function onPath(folder: string, scripts: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, script] of Object.entries(scripts)) {
    const file = path.join(folder, name);
    await writeFile(file, `#!/bin/sh\n${script}\n`);
    await chmod(file, 0o755);
  }
  vi.stubEnv("PATH", folder);
}
