/** A visit to a page in a real Chromium: at which size, in which scheme, and what went wrong during it. */
import type { Browser, BrowserContext, Page } from "playwright-core";

export const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const;
export type Size = keyof typeof SIZES;
export const SCHEMES = ["light", "dark"] as const;
export type Scheme = (typeof SCHEMES)[number];

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Exceptions, and what the browser logged as errors or refused. */
  readonly problems: string[];
  /** Addresses that the page asked for, other than the edge's. */
  readonly foreign: string[];
}

export async function visit(browser: Browser, url: string, size: Size, scheme: Scheme = "light"): Promise<Visit> {
  const permissions = ["clipboard-read", "clipboard-write"];
  const phone = size === "phone" && { hasTouch: true, isMobile: true };
  const context = await browser.newContext({ viewport: SIZES[size], colorScheme: scheme, permissions, ...phone });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  const problems: string[] = [];
  const foreign: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("request", (request) => request.url().startsWith(url) || foreign.push(request.url()));
  await page.goto(url);
  await page.waitForFunction(() => document.querySelector("#model")?.textContent !== "The target");
  return { page, context, problems, foreign };
}

/** Asks, and leaves it to the edge when to answer. */
export async function ask(page: Page, question: string): Promise<void> {
  await page.fill("#question", question);
  await page.click("#send");
}

/** Resolves when the answer under way has ended. */
export const ended = (page: Page) => page.waitForFunction(() => !document.body.classList.contains("running"));
