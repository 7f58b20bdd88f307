/** How the page looks, how it reads to axe, what it weighs, and what it may load. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { difference, expectPicture, shoot } from "./pictures.ts";
import { drafted, plain } from "./sample.ts";
import { type Scripted, scripted } from "./scripted.ts";
import { ask, ended, SCHEMES, type Scheme, SIZES, type Size, visit } from "./visit.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Bytes of everything that a visit loads, as built and not compressed. */
const MOST_BYTES = 60 * 1024;

let browser: Browser;
let edge: Scripted;

beforeAll(async () => {
  browser = await launchChromium();
  edge = await scripted();
});

afterAll(async () => {
  await browser?.close();
  await edge?.close();
});

beforeEach(() => {
  edge.examples = ["Write a function that reverses a linked list.", "Explain speculative decoding in three sentences."];
});

const MARKDOWN =
  "### Late\n\n# Early\n\n> A *quote* of [a page](https://example.com) with `code`\n\n" +
  `- one\n  1. two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n---\n\n\`\`\`\n${"wide ".repeat(60)}\n\`\`\``;

async function answered(page: Page, ...answers: ReturnType<typeof drafted>[]): Promise<void> {
  await ask(page, "What is speculative decoding?");
  for (const said of answers) {
    const answering = await edge.next();
    answering.say(...said);
    answering.end();
  }
  await ended(page);
}

/** What the page may look like, each made from a page that was just opened. */
const STATES: Record<string, (page: Page) => Promise<unknown>> = {
  empty: async () => {},
  answer: (page) => answered(page, drafted()),
  markdown: (page) => answered(page, [[MARKDOWN, false, 1]]),
  rejected: async (page) => {
    await page.check("#rejects");
    await answered(page, drafted());
  },
  "side-by-side": async (page) => {
    await page.check("#beside");
    await answered(page, drafted(), plain());
  },
  error: async (page) => {
    await ask(page, "Too much?");
    (await edge.next()).refuse(429, "too many requests", { "retry-after": "2" });
    await ended(page);
  },
  settings: (page) => page.click("#open-settings"),
  code: async (page) => {
    await answered(page, drafted());
    await page.getByRole("button", { name: "As code" }).click();
  },
  chats: async (page) => {
    await answered(page, drafted());
    await page.click("#open-chats");
  },
  editing: async (page) => {
    await answered(page, drafted());
    await page.getByRole("button", { name: "Edit this question" }).click();
  },
};

/** Those of which there are pictures; the others are looked at by axe alone. */
const PICTURED: readonly (readonly [state: string, size: Size, scheme: Scheme])[] = [
  ["empty", "desktop", "light"],
  ["answer", "desktop", "light"],
  ["rejected", "desktop", "dark"],
  ["side-by-side", "desktop", "light"],
  ["settings", "desktop", "dark"],
  ["empty", "phone", "dark"],
  ["answer", "phone", "light"],
  ["rejected", "phone", "light"],
  ["side-by-side", "phone", "dark"],
  ["settings", "phone", "light"],
];

describe.each(SCHEMES)("%s", (scheme) => {
  describe.each(Object.keys(SIZES) as Size[])("on a %s", (size) => {
    test.each(Object.keys(STATES))("%s: axe finds nothing, and it looks as before", async (state) => {
      const { page, context, problems } = await visit(browser, edge.url, size, scheme);
      await STATES[state]?.(page);
      if (PICTURED.some(([...one]) => one.join() === [state, size, scheme].join())) {
        await expectPicture(page, `${state}-${size}`);
      }
      await page.evaluate(AXE);
      const found = await page.evaluate(async () => {
        const { axe } = window as unknown as { axe: { run(): Promise<{ violations: Finding[] }> } };
        const { violations } = await axe.run();
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
      });
      expect(found).toEqual([]);
      // A refused request is an error to the browser, too.
      expect(problems.filter((problem) => !problem.includes("429"))).toEqual([]);
      await context.close();
    });
  });
});

interface Finding {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}

test("a picture notices one changed word", async () => {
  const { page, context } = await visit(browser, edge.url, "desktop");
  await answered(page, drafted());
  const before = await shoot(page);
  expect(await difference(page, before, await shoot(page))).toBe(0);
  await page.evaluate(() => {
    const strong = document.querySelector("#log strong") as Element;
    strong.textContent = "small models";
  });
  expect(await difference(page, before, await shoot(page))).toBeGreaterThan(20);
  await context.close();
});

test("it weighs little, loads nothing foreign, and the policy holds", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  let bytes = 0;
  const loads: Promise<void>[] = [];
  const addresses: string[] = [];
  page.on("response", (response) => {
    addresses.push(response.url());
    loads.push(response.body().then((body) => void (bytes += body.length)));
  });
  const response = await page.goto(edge.url, { waitUntil: "networkidle" });
  await Promise.all(loads);
  console.log(`the page weighs ${bytes} bytes in ${addresses.length} files`);
  expect(bytes).toBeLessThanOrEqual(MOST_BYTES);
  expect(addresses.filter((address) => !address.startsWith(edge.url))).toEqual([]);
  const policy = response?.headers()["content-security-policy"] ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
  // The browser itself refuses scripts in the page, styles in the page, and HTML from text.
  const refused = await page.evaluate(() => {
    const element = document.createElement("div");
    const script = Object.assign(document.createElement("script"), { type: "text/plain" });
    document.body.append(element, script);
    const tries = {
      html: () => {
        element.innerHTML = "<b>no</b>";
      },
      script: () => {
        script.textContent = "no";
      },
      style: () => {
        element.setAttribute("style", "color: red");
        if (element.style.color !== "red") throw new Error("refused");
      },
    };
    return Object.entries(tries).flatMap(([name, attempt]) => {
      try {
        attempt();
        return [];
      } catch {
        return [name];
      }
    });
  });
  expect(refused).toEqual(["html", "script", "style"]);
  await context.close();
});
