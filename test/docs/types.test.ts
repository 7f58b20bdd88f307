/** Every TypeScript example of the documents compiles against the package's doors. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { codeBlocks, documents, ROOT, read } from "./markdown.ts";

const examples = documents.flatMap((document) =>
  codeBlocks(read(document))
    .filter(({ language }) => language === "ts")
    .map(({ code }, i) => ({ name: `${document.replaceAll(/[/.]/g, "-")}-${i}.ts`, code })),
);

test("examples compile", async () => {
  expect(examples.length).toBeGreaterThan(4);
  // Inside the project, so that its packages are found.
  mkdirSync(resolve(ROOT, ".cache"), { recursive: true });
  const folder = mkdtempSync(resolve(ROOT, ".cache/docs-types-"));
  try {
    for (const { name, code } of examples) writeFileSync(resolve(folder, name), `${code}\nexport {};\n`);
    const settings = {
      extends: resolve(ROOT, "tsconfig.json"),
      compilerOptions: {
        noUnusedLocals: false,
        paths: Object.fromEntries(
          ["edge", "origin", "tools"].map((door) => [`outrider/${door}`, [resolve(ROOT, `src/${door}/exports.ts`)]]),
        ),
      },
      include: [
        `${folder}/*.ts`,
        resolve(ROOT, "src/core/platform/*.d.ts"),
        resolve(ROOT, "src/origin/embedded/*.d.ts"),
      ],
    };
    writeFileSync(resolve(folder, "tsconfig.json"), JSON.stringify(settings));
    const tsc = resolve(ROOT, "node_modules/typescript/bin/tsc");
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, "-p", folder]).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe("");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
