/** The playground as a person uses it: ask, watch two colours arrive, read the numbers, stop, start anew. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { type Running, start } from "../workerd/harness.ts";

let run: Running;
let browser: Browser;
let page: Page;
const problems: string[] = [];

beforeAll(async () => {
  run = await start();
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await run?.close();
});

beforeEach(async () => {
  await page?.close();
  problems.length = 0;
  page = await browser.newPage({ viewport: { width: 1100, height: 760 } });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  await page.goto(run.url);
});

async function askFor(text: string): Promise<void> {
  await page.fill("#question", text);
  await page.click("#send");
  await page.waitForFunction(() => document.querySelector("#per-pass")?.textContent !== "–");
}

test("an answer arrives in two colours with its numbers, and nothing is logged as an error", async () => {
  await page.fill("#most", "40");
  await page.selectOption("#patience", "10000");
  await askFor("Tell me about the river.");
  const kept = await page.locator("#log li:not(.hint) .token.kept").count();
  const decided = await page.locator("#log li:not(.hint) .token.decided").count();
  expect(kept).toBeGreaterThan(0);
  expect(decided).toBeGreaterThan(0);
  const colours = await Promise.all(
    ["kept", "decided"].map((kind) =>
      page
        .locator(`#log li:not(.hint) .token.${kind}`)
        .first()
        .evaluate((node) => getComputedStyle(node).backgroundColor + getComputedStyle(node).color),
    ),
  );
  expect(colours[0]).not.toBe(colours[1]);
  expect(Number.parseFloat((await page.textContent("#per-pass")) as string)).toBeGreaterThan(1);
  expect(Number(await page.textContent("#tokens"))).toBe(40);
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
  expect(problems).toEqual([]);
});

test("a question of the pair is offered, and put into the field", async () => {
  await page.route("**/examples.json", (route) => route.fulfill({ json: ["Write a test.", "Explain\nthis."] }));
  await page.reload();
  await page.getByRole("button", { name: "Explain" }).click();
  expect(await page.inputValue("#question")).toBe("Explain\nthis.");
  await page.fill("#most", "8");
  await page.click("#send");
  await page.waitForFunction(() => document.querySelector("#per-pass")?.textContent !== "–");
  expect(await page.locator("#examples").count()).toBe(0);
  expect(problems).toEqual([]);
});

test("with the draft off every token is the target's", async () => {
  await page.fill("#most", "12");
  await page.selectOption("#draft", "off");
  await askFor("Hello");
  expect(await page.locator("#log li:not(.hint) .token.kept").count()).toBe(0);
  expect(await page.textContent("#per-pass")).toMatch(/^1(\.0+)?$/);
});

test("where drafts are off to save time the page says so, and a switch shows them at work", async () => {
  const shared = await start({ edge: { SHARED_CPU: "true" } });
  try {
    await page.goto(shared.url);
    expect(await page.locator("#show-drafts").isVisible()).toBe(false);
    await page.fill("#most", "24");
    await askFor("Tell me about the river.");
    expect(await page.textContent("#note")).toContain("Drafts are off to save your time");
    expect(await page.locator("#log .token.kept").count()).toBe(await page.locator("#hint .token.kept").count());
    // With the keyboard alone.
    await page.getByRole("button", { name: "Show drafts at work" }).focus();
    await page.keyboard.press("Enter");
    expect(await page.inputValue("#patience")).toBe("10000");
    await page.fill("#question", "Tell me about the road.");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector("#note")?.textContent?.includes("Drafts spared"));
    expect(await page.locator("#log .token.kept").count()).toBeGreaterThan(0);
    await page.getByRole("button", { name: "Back to the fastest way" }).click();
    expect(await page.inputValue("#patience")).toBe("");
    expect(problems).toEqual([]);
  } finally {
    await shared.close();
  }
});

test("a refusal is shown as a sentence", async () => {
  await page.fill("#most", "10");
  await page.fill("#question", "word ".repeat(3000));
  await page.click("#send");
  await page.waitForFunction(() => document.querySelector("#log")?.textContent?.includes("context"));
});

test("the reference draws every object of openapi.json", async () => {
  const api = (await (await fetch(`${run.url}/openapi.json`)).json()) as { components: { schemas: object } };
  await page.goto(`${run.url}/docs`);
  await page.waitForSelector("#reference h3");
  for (const name of Object.keys(api.components.schemas)) expect(await page.locator(`#${name}`).count(), name).toBe(1);
  expect(await page.textContent("#reference")).not.toContain("undefined");
  expect(problems).toEqual([]);
});
