/** What a command prints. */
import { vi } from "vitest";

/** Lines of its standard output; what goes to standard error is dropped. */
export async function printed(run: () => Promise<void>): Promise<string> {
  const lines: string[] = [];
  const spies = [
    vi.spyOn(console, "log").mockImplementation((line) => void lines.push(line)),
    vi.spyOn(console, "error").mockImplementation(() => {}),
    vi.spyOn(process.stderr, "write").mockImplementation(() => true),
  ];
  try {
    await run();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return lines.join("\n");
}
