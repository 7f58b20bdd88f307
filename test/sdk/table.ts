/** What a run of `npm run suite sdk` found, as text and as docs/reference/sdk.md. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { textTable } from "../../src/tools/charts/text-table.ts";
import type { Case, Outcome } from "./cases.ts";
import type { Sdk } from "./sdks.ts";

export interface Cell {
  readonly outcome: Outcome | "refused" | "none";
  readonly why?: string;
}

const SIGNS: Readonly<Record<Cell["outcome"], string>> = {
  ok: "ok",
  refused: "refused",
  none: "–",
  ignored: "IGNORED",
  failed: "FAILED",
};

export function printed(cases: readonly Case[], sdks: readonly Sdk[], rows: readonly (readonly Cell[])[]): string {
  const heads = ["case", ...sdks.map(({ name }) => name)];
  const cells = rows.map((row, at) => [cases[at]!.name, ...row.map(({ outcome }) => SIGNS[outcome])]);
  return textTable(heads, cells).join("\n");
}

/** Writes docs/reference/sdk.md. */
export function writeTable(cases: readonly Case[], sdks: readonly Sdk[], rows: readonly (readonly Cell[])[]): void {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const table = [
    line(["case", ...sdks.map(({ name }) => name)]),
    line(["---", ...sdks.map(() => "---")]),
    ...rows.map((row, at) => line([cases[at]!.name, ...row.map(({ outcome }) => SIGNS[outcome])])),
  ];
  const document = `# SDKs

<!-- Written by \`npm run suite sdk -- --write\`. Change test/sdk, not this file. -->

Each SDK, at a pinned version, ran the same cases against the service with the tiny pair. A case shows in the answer that what it asks for took effect: **ok**. **refused**
is an error that names the field. **–**: the SDK has no such call, or no way to pass the field. Nothing may be ignored: the run fails then. Run on ${new Date().toISOString().slice(0, 10)}.

${table.join("\n")}

| SDK | packages |
| --- | --- |
${sdks.map(({ name, packages }) => line([name, packages.join(", ")])).join("\n")}
`;
  writeFileSync(resolve(import.meta.dirname, "../../docs/reference/sdk.md"), document);
}
