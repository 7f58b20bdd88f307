/** Which Node runs wrangler and this clone's programs. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { newNode, PACKAGES } from "../../src/tools/service/node.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "outrider-node-"));
  vi.stubEnv("OUTRIDER_CACHE", home);
  vi.spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

const onNode20 = () => vi.spyOn(process, "versions", "get").mockReturnValue({ ...process.versions, node: "20.19.0" });

/** A program in npm's place. */
function scriptedNpm(script: string): void {
  mkdirSync(join(home, "bin"));
  writeFileSync(join(home, "bin/npm"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(home, "bin/npm"), 0o755);
  vi.stubEnv("PATH", [join(home, "bin"), process.env.PATH].join(delimiter));
}

test("this process's own, if it is new enough", async () => {
  expect(await newNode()).toBe(process.execPath);
});

test("on Node 20 one that npm puts into the cache, once", async () => {
  onNode20();
  const [name, version] = PACKAGES[`${process.platform}-${process.arch}`]!.split("@");
  const count = join(home, "calls");
  scriptedNpm(`echo "$*" >> ${count}; mkdir -p node_modules/${name}/bin; touch node_modules/${name}/bin/node`);
  const node = await newNode();
  expect(node).toBe(join(home, "node", version!, "node_modules", name!, "bin/node"));
  expect(await newNode()).toBe(node);
  expect(readFileSync(count, "utf8").trim().split("\n")).toEqual([expect.stringContaining(`${name}@${version}`)]);
  expect(console.error).toHaveBeenCalledWith(
    expect.stringMatching(
      /^wrangler needs Node 22\.0 or newer and this is 20\.19\.0; obtaining .* from npm into .*, once/,
    ),
  );
});

test("where npm fails, and where it has none, the sentence says what to do", async () => {
  onNode20();
  scriptedNpm("echo 'npm error network is away' >&2; exit 1");
  await expect(newNode()).rejects.toMatchObject({
    code: "old_node",
    message: expect.stringMatching(/obtaining one failed: network is away; .*Or install a newer Node$/s),
  });
  vi.spyOn(process, "arch", "get").mockReturnValue("riscv64");
  await expect(newNode()).rejects.toThrow(/this is 20\.19\.0; install a newer Node, for npm has none for \w+-riscv64$/);
});

test("one major for every platform", () => {
  const majors = Object.values(PACKAGES).map((name) => /@(\d+)/.exec(name)?.[1]);
  expect(new Set(majors).size).toBe(1);
});
