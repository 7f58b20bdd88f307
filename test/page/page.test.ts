/** The page before the whole service, as a person uses it: workerd, a tiny model, a real Chromium. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { type Running, start } from "../workerd/harness.ts";
import { ask, ended, SIZES, type Size, type Visit, visit } from "./visit.ts";

let run: Running;
let browser: Browser;
let visited: Visit;

beforeAll(async () => {
  run = await start();
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await run?.close();
});

afterEach(async () => {
  await visited.context.close();
});

const set = (page: Page, values: Record<string, string>) =>
  page.evaluate((all) => {
    for (const [id, value] of Object.entries(all)) {
      const field = document.getElementById(id) as HTMLInputElement;
      field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }, values);

const number = async (page: Page, id: string) => Number.parseFloat((await page.textContent(`#${id}`)) as string);

describe.each(Object.keys(SIZES) as Size[])("on a %s", (size) => {
  test("an answer arrives with its numbers, and its trace on demand", async () => {
    visited = await visit(browser, run.url, size);
    const { page } = visited;
    await set(page, { most: "40", patience: "10000" });
    await ask(page, "Tell me about the river.");
    await ended(page);
    expect(await number(page, "per-pass")).toBeGreaterThan(1);
    expect(await number(page, "tokens")).toBe(40);
    expect(await page.textContent("#thoughts")).toContain("tokens were drafted for a pass");
    expect(await number(page, "break-even")).toBeGreaterThanOrEqual(0);
    expect(await page.textContent("#cost")).toMatch(/^\$/);
    await page.check("#rejects");
    expect(await page.locator(".token.kept").count()).toBeGreaterThan(0);
    expect(await page.locator(".token.own").count()).toBeGreaterThan(0);
    expect(await page.locator(".rejected").count()).toBeGreaterThan(0);
    expect(visited.problems).toEqual([]);
    expect(visited.foreign).toEqual([]);
  });

  test("side by side the texts are the same, drawn at a temperature, and passes are spared", async () => {
    visited = await visit(browser, run.url, size);
    const { page } = visited;
    await set(page, { most: "40", temperature: "0.8" });
    await page.check("#beside");
    await ask(page, "Tell me about the road.");
    await ended(page);
    expect(await page.textContent(".verdict")).toMatch(
      /^The same text\. \d+ target passes in place of 40, \d+ % fewer/,
    );
    expect(visited.problems).toEqual([]);
  });
});

test("the policy and the other headers are those of _headers", async () => {
  visited = await visit(browser, run.url, "desktop");
  for (const path of ["/", "/chat.js", "/docs"]) {
    const { headers } = await fetch(run.url + path);
    expect(headers.get("content-security-policy"), path).toContain("require-trusted-types-for 'script'");
    expect(headers.get("x-content-type-options"), path).toBe("nosniff");
  }
});

test("code for a request runs as it is, and gives the text of the answer", async () => {
  visited = await visit(browser, run.url, "desktop");
  const { page } = visited;
  await set(page, { most: "12", temperature: "0.9", system: 'It\'s "you".\n$HOME `x`', "min-p": "0.01" });
  await ask(page, "Tell me about the horse.");
  await ended(page);
  await page.getByRole("button", { name: "Copy", exact: true }).click();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  expect(text).not.toBe("");
  await page.getByRole("button", { name: "As code" }).click();
  const curl = (await page.textContent("#source")) as string;
  const { stdout: events } = await promisify(execFile)("bash", ["-c", curl]);
  const deltas = [...events.matchAll(/^data: (\{.*)$/gm)].map(([, json]) => JSON.parse(json as string).choices[0]);
  expect(deltas.map((choice) => choice?.delta.content ?? "").join("")).toBe(text);
  await page.selectOption("#language", "JavaScript");
  const javascript = (await page.textContent("#source")) as string;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", javascript]);
  expect(stdout).toBe(text);
});

test("where drafts are off to save time the page says so, and a switch shows them at work", async () => {
  const shared = await start({ edge: { SHARED_CPU: "true" } });
  try {
    visited = await visit(browser, shared.url, "desktop");
    const { page } = visited;
    expect(await page.isVisible("#show-drafts")).toBe(false);
    await set(page, { most: "24" });
    await ask(page, "Tell me about the river.");
    await ended(page);
    expect(await page.textContent("#note")).toContain("Drafts are off to save your time");
    // With the keyboard alone.
    await page.getByRole("button", { name: "Show drafts at work" }).focus();
    await page.keyboard.press("Enter");
    expect(await page.inputValue("#patience")).toBe("10000");
    await page.fill("#question", "Tell me about the road.");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector("#note")?.textContent?.includes("Drafts spared"));
    await page.getByRole("button", { name: "Back to the fastest way" }).click();
    expect(await page.inputValue("#patience")).toBe("");
    expect(visited.problems).toEqual([]);
  } finally {
    await shared.close();
  }
});

test("a refusal of the service is shown as a sentence, beside the question", async () => {
  visited = await visit(browser, run.url, "desktop");
  const { page } = visited;
  await ask(page, "word ".repeat(3000));
  await ended(page);
  expect(await page.textContent(".end")).toMatch(/^[A-Z].*context.*\.$/);
  expect(await page.textContent(".said")).toContain("word word");
});

test("the reference draws every object of openapi.json", async () => {
  visited = await visit(browser, run.url, "desktop");
  const { page, problems } = visited;
  const api = (await (await fetch(`${run.url}/openapi.json`)).json()) as { components: { schemas: object } };
  await page.goto(`${run.url}/docs`);
  await page.waitForSelector("#reference h3");
  for (const name of Object.keys(api.components.schemas)) expect(await page.locator(`#${name}`).count(), name).toBe(1);
  expect(await page.textContent("#reference")).not.toContain("undefined");
  expect(problems).toEqual([]);
});
