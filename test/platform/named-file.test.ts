/**
 * What is no file is refused, wherever a command is given one to open. The commands run in a process of their own: one
 * that waits for a pipe without a writer does nothing else, and could not end its test.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { checkFile, fileIfThere } from "../../src/core/platform/named-file.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const home = mkdtempSync(path.join(tmpdir(), "outrider-named-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const at = (name: string) => path.join(home, name);

writeFileSync(at("file"), "text");
mkdirSync(at("folder"));
symlinkSync("file", at("link"));
symlinkSync("round", at("round"));
symlinkSync("nothing", at("broken"));
/** Pipes by what the commands want their files to be called. */
const pipes = ["pipe", "pipe.gguf", "pipe.mjs", "pipe.jsonl", "pack.json"].map(at);
execFileSync("mkfifo", pipes);
const [pipe, gguf, recipe, lines] = pipes as [string, string, string, string];

describe("a path that a file is wanted at", () => {
  test("is that of a file or of a link to one", () => {
    expect(checkFile(at("file")).size).toBe(4);
    expect(checkFile(at("link")).size).toBe(4);
  });

  test.each(["nothing", "broken"])("may be there or not: %s", (name) => {
    expect(fileIfThere(at(name))).toBeUndefined();
    expect(() => checkFile(at(name))).toThrow(expect.objectContaining({ code: "not_found", status: 404 }));
  });

  test("is no folder, pipe, device or round of links", () => {
    expect(() => checkFile(at("folder"))).toThrow("is a folder, and a file is needed here");
    expect(() => checkFile(at("file/inside"))).toThrow("a part of that path is a file, where a folder is needed");
    for (const name of [pipe, "/dev/null"]) {
      expect(() => fileIfThere(name)).toThrow(expect.objectContaining({ code: "not_a_file" }));
    }
    expect(() => fileIfThere(at("round"))).toThrow(expect.objectContaining({ code: "ELOOP" }));
  });
});

const REMOTE = ["--engine", "vllm", "--url", "http://127.0.0.1:1", "--model", TINY_PACKS.target];
const LINES: readonly (readonly string[])[] = [
  ["keys", "list", "--file", pipe],
  ["keys", "add", "ben", "--file", pipe],
  ["origin", ...REMOTE, "--token-file", pipe],
  ["origin", ...REMOTE, "--engine-token-file", pipe],
  ["origin", "--engine", "emulated", "--model", TINY_PACKS.target, "--recorded", lines, "--port", "0"],
  ["import", gguf, at("made")],
  ["inspect", home],
  ["inspect", TINY_PACKS.draft, "--html", pipe],
  ["squeeze", recipe],
  ["eval", TINY_PACKS.target, "--text", pipe],
  ["eval", TINY_PACKS.target, "--answers", lines],
  ["corpus", "--model-pack", TINY_PACKS.target, "--prompts", pipe, "--out", at("out.jsonl")],
  ["corpus", "--model-pack", TINY_PACKS.target, "--prompts", at("file"), "--out", lines],
  ["report", lines, "--against", TINY_PACKS.target, "--out", at("page.html")],
  ["report", lines, "--against", TINY_PACKS.target, "--out", pipe],
];

test("no command waits for a pipe: each says in a sentence that it is none of a file", () => {
  const main = pathToFileURL(path.resolve("src/tools/commands/main.ts")).href;
  const program = `
    import { main } from ${JSON.stringify(main)};
    for (const line of ${JSON.stringify(LINES)}) console.error(await main(line));
    process.exit(0);`;
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
    timeout: 60_000,
  });
  const told = stderr.split("\n").filter((line) => line.startsWith("outrider "));
  expect({ status, told: told.map((line) => line.replace(home, "")) }).toEqual({
    status: 0,
    told: LINES.map(([name]) =>
      expect.stringMatching(new RegExp(`^outrider ${name}: /p.* is a pipe, a socket or a device,`)),
    ),
  });
});

test("what is a round of links, or a folder, gets a sentence too", () => {
  const typed = (...argv: string[]) =>
    spawnSync(process.execPath, ["src/outrider.ts", ...argv], { encoding: "utf8", timeout: 60_000 }).stderr.trim();
  const round = typed("keys", "add", "ben", "--file", at("round"));
  expect(round).toBe(
    `outrider keys: ${at("round")}: its links lead to each other, and to no file; name the file itself`,
  );
  const folder = typed("keys", "add", "ben", "--file", at("folder"));
  expect(folder).toBe(`outrider keys: ${at("folder")} is a folder, and a file is needed here`);
});
