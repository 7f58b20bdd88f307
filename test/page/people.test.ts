/** The page as people use it, at the sizes of a desk and of a phone, before an edge whose answers the test writes. */
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { drafted, plain } from "./sample.ts";
import { type Scripted, scripted } from "./scripted.ts";
import { ask, ended, SIZES, type Size, type Visit, visit } from "./visit.ts";

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

describe.each(Object.keys(SIZES) as Size[])("on a %s", (size) => {
  let visited: Visit;
  let page: Page;

  beforeEach(async () => {
    edge.examples = [];
    visited = await visit(browser, edge.url, size);
    page = visited.page;
  });

  afterEach(async () => {
    await visited.context.close();
    expect(visited.foreign).toEqual([]);
  });

  const text = (id: string) => page.textContent(`#${id}`);
  const shows = (id: string, wanted: string) =>
    page.waitForFunction(
      ([name, value]) => document.getElementById(name as string)?.textContent === value,
      [id, wanted],
    );
  const last = (): Locator => page.locator(".turn").last();
  const act = (name: string) => last().getByRole("button", { name, exact: true }).first().click();

  async function asked(question: string, said = drafted()) {
    await ask(page, question);
    const answering = await edge.next();
    answering.say(...said);
    answering.end();
    await ended(page);
    return answering;
  }

  test("the numbers move while the answer streams, begin anew with the next one, and stay where it is stopped", async () => {
    await ask(page, "Go");
    const first = await edge.next();
    expect(first.asked.outrider.trace).toBe(true);
    first.say(["One", false, 1]);
    await shows("tokens", "1");
    expect(await text("spared")).toBe("–");
    first.say([" two", true, 2], [" three", true, 2], [" four", false, 2, [" for"]]);
    await shows("tokens", "4");
    expect(await text("per-pass")).toBe("2");
    expect(await text("spared")).toBe("67 %");
    expect(await text("acceptance")).toBe("67 %");
    expect(await text("passes")).toBe("2");
    expect(await last().locator(".meta").textContent()).toContain("4 tokens · 2 passes");
    expect(await page.getAttribute("#shares", "aria-label")).toContain("50 %");
    first.end();
    await shows("speed", "48.2");
    await ended(page);
    await ask(page, "Again");
    const second = await edge.next();
    await shows("tokens", "–");
    second.say(["Hm", false, 1]);
    await shows("tokens", "1");
    await page.click("#stop");
    await second.left;
    await ended(page);
    expect(await text("tokens")).toBe("1");
    expect(await last().locator(".end").textContent()).toBe("Stopped.");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("question");
    expect(visited.problems).toEqual([]);
  });

  test("with and without drafts side by side: one seed, equal text, and what was spared", async () => {
    await page.check("#beside");
    await ask(page, "Explain");
    const first = await edge.next();
    first.say(...drafted());
    first.end();
    const second = await edge.next();
    expect(second.asked.seed).toBe(1234567);
    expect(second.asked.outrider.draft).toBe("off");
    expect(first.asked.outrider.draft).toBeUndefined();
    expect(first.asked.outrider.patience_ms).toBe(10000);
    expect(second.session).not.toBe(first.session);
    expect(second.asked.messages).toEqual(first.asked.messages);
    second.say(...plain());
    second.end();
    await ended(page);
    expect(await page.locator(".lane h2").allTextContents()).toEqual(["With drafts", "Without drafts"]);
    const verdict = (await page.textContent(".verdict")) as string;
    expect(verdict).toContain("The same text. 18 target passes in place of 88, 80 % fewer.");
    expect(verdict).toContain("48.2 tokens/s with drafts, 31.4 without");
    // The panel is about the drafted one.
    expect(await text("passes")).toBe("18");
    // On a desk they stand beside each other, on a phone below each other; nothing runs off the side.
    const boxes = await page
      .locator(".lane")
      .evaluateAll((lanes) => lanes.map((lane) => lane.getBoundingClientRect().x));
    expect(boxes[0] === boxes[1]).toBe(size === "phone");
    // The next question takes the drafted answer along, once.
    await page.uncheck("#beside");
    const next = await asked("More");
    expect(next.asked.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    expect(next.session).toBe(first.session);
    expect(visited.problems).toEqual([]);
  });

  test("texts that differ are called so", async () => {
    await page.check("#beside");
    await ask(page, "Explain");
    for (const word of ["This", "That"]) {
      const answering = await edge.next();
      answering.say([word, false, 1]);
      answering.end();
    }
    await ended(page);
    expect(await page.textContent(".verdict")).toContain("The texts differ");
  });

  test("the trace is off until it is asked for; rejected drafts are struck through on demand", async () => {
    await asked("Explain");
    expect(await page.locator(".token, .rejected").count()).toBe(0);
    expect(await page.locator("#log strong").textContent()).toBe("small model");
    await page.check("#trace");
    expect(await page.locator(".token.kept").count()).toBe(70);
    expect(await page.locator(".token.own").count()).toBe(18);
    const colour = (kind: string) =>
      page
        .locator(kind)
        .first()
        .evaluate((node) => getComputedStyle(node).color + getComputedStyle(node).backgroundColor);
    expect(await colour(".token.kept")).not.toBe(await colour(".token.own"));
    expect(await page.locator(".rejected").first().isVisible()).toBe(false);
    await page.check("#rejects");
    const struck = page.locator(".rejected").first();
    expect(await struck.isVisible()).toBe(true);
    expect(await struck.textContent()).toBe(" wrong guess");
    expect(await struck.evaluate((node) => getComputedStyle(node).textDecorationLine)).toBe("line-through");
    await page.uncheck("#trace");
    expect(await page.isChecked("#rejects")).toBe(false);
    expect(await page.locator("#log pre").count()).toBe(1);
  });

  test("what the window thinks, and what a million tokens cost and spare", async () => {
    expect(await text("thoughts")).toContain("measured nothing yet");
    await asked("Explain");
    expect(await text("thoughts")).toContain("below the break-even: waiting for drafts saves time");
    expect(await text("round-trip")).toBe("24 ms");
    expect(await text("break-even")).toBe("61 ms");
    expect(await text("usual")).toBe("74 %");
    expect(await text("cost")).toBe("$0.18");
    expect(await text("cost-of")).toContain("prices of 2026-11-26");
    expect(await text("passes-spared")).toBe("805K");
    // 804,598 passes of 21 ms, less 0.4 ms for each of the 1.73 positions a token that were drafted.
    expect(await text("gpu-time")).toBe("4.5 h");
    expect(await text("worth")).toBe("$9");
    await page.fill("#gpu", "4");
    expect(await text("worth")).toBe("$18");
    await page.selectOption("#draft", "off", { force: true });
    await ask(page, "Why not?");
    const answering = await edge.next();
    answering.say(["So.", false, 1]);
    answering.end("stop", { draft: "both", note: "Drafts are off to save your time.", measured: undefined });
    await ended(page);
    expect(await text("thoughts")).toBe("No drafts were made.");
    expect(await text("note")).toBe("Drafts are off to save your time.");
    await page.getByRole("button", { name: "Show drafts at work" }).click();
    expect(await page.inputValue("#patience")).toBe("10000");
  });

  test("Markdown becomes elements, HTML stays text, and links lead only where links may", async () => {
    const markdown = [
      "# Title\n\nA **bold _and slanted_** word, `code <b>`, ~~gone~~ and snake_case_name.\n\n",
      "- one\n  - inner\n    - innermost\n- two\n\n3. third\n4. fourth\n\n> quoted\n> > twice\n\n---\n\n",
      "| a | b |\n|---|:-:|\n| 1 | `x\\|y` |\n\n",
      '<img src=x onerror="window.bad=1"><script>window.bad=1</script>\n\n',
      "[fine](https://example.com/a_b_c) [bad](javascript:window.bad=1) ![picture](https://example.com/p.png) ",
      "https://example.com/x.\n\n```js\nlet a = `<b>`;\n",
    ].join("");
    await asked("Write", [[markdown, false, 1]]);
    const found = (css: string) => page.locator(`#log .text ${css}`).count();
    expect(await page.textContent("#log .text h3")).toBe("Title");
    expect(await page.textContent("#log .text strong")).toBe("bold and slanted");
    expect(await page.textContent("#log .text strong em")).toBe("and slanted");
    expect(await page.textContent("#log .text p code")).toBe("code <b>");
    expect(await page.textContent("#log .text del")).toBe("gone");
    expect(await found("ul > li > ul > li > ul > li")).toBe(1);
    expect(await page.getAttribute("#log .text ol", "start")).toBe("3");
    expect(await found("blockquote blockquote")).toBe(1);
    expect(await found("hr")).toBe(1);
    expect(await page.locator("#log .text td").allTextContents()).toEqual(["1", "x|y"]);
    expect(await found(":is(img, script)")).toBe(0);
    expect(await page.textContent("#log .text")).toContain('<img src=x onerror="window.bad=1">');
    const links = await page.locator("#log .text a").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
    expect(links).toEqual(["https://example.com/a_b_c", "https://example.com/p.png", "https://example.com/x"]);
    expect(await page.textContent("#log .text")).toContain("[bad](javascript:window.bad=1)");
    expect(await page.textContent("#log .text pre")).toBe("let a = `<b>`;\n");
    expect(await page.evaluate(() => "bad" in window)).toBe(false);
    expect(visited.problems).toEqual([]);
  });

  test("text that looks like marks without end is drawn within a frame or two", async () => {
    const nasty = ["*a ", "[a](", "`".repeat(3), "__", "> ", "| a ", "- ", "[[", "**", "~~x "].map((part) =>
      part.repeat(9000),
    );
    for (const part of nasty) {
      const ms = await page.evaluate(`(async () => {
        const { showMarkdown } = await import("./markdown.js");
        const element = document.createElement("div");
        const started = performance.now();
        showMarkdown(element, ${JSON.stringify(part)});
        if (!element.firstChild) throw new Error("nothing was drawn");
        return performance.now() - started;
      })()`);
      // Linear work takes a tenth of a second where nothing else runs, quadratic work minutes.
      expect(ms, part.slice(0, 6)).toBeLessThan(20_000);
    }
  });

  test("copy, regenerate, edit", async () => {
    const { text: said } = await asked("First");
    await act("Copy");
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(said);
    await last().locator(".code-head button").click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^def keep/);
    await asked("Second", [["Two", false, 1]]);
    // Only the last answer can be made anew.
    expect(await page.locator(".turn").first().getByRole("button", { name: "Regenerate" }).count()).toBe(0);
    await act("Regenerate");
    const again = await edge.next();
    expect(again.asked.messages.map(({ content }) => content)).toEqual(["First", said, "Second"]);
    again.say(["Another two", false, 1]);
    again.end();
    await ended(page);
    expect(await page.locator(".turn").count()).toBe(2);
    expect(await last().locator(".text").textContent()).toBe("Another two");
    // Editing the first takes all that follows back, once it is sent.
    await page.locator(".turn").first().getByRole("button", { name: "Edit this question" }).click();
    expect(await page.inputValue("#question")).toBe("First");
    expect(await page.isVisible("#editing")).toBe(true);
    await page.keyboard.press("Escape");
    expect(await page.isVisible("#editing")).toBe(false);
    expect(await page.locator(".turn").count()).toBe(2);
    await page.locator(".turn").first().getByRole("button", { name: "Edit this question" }).click();
    const edited = await asked("First, edited");
    expect(edited.asked.messages.map(({ content }) => content)).toEqual(["First, edited"]);
    expect(await page.locator(".turn").count()).toBe(1);
    expect(visited.problems).toEqual([]);
  });

  test("chats survive a reload, also in the middle of an answer, and go on in their Session", async () => {
    const { session, text: said } = await asked("Remember me");
    await ask(page, "And then?");
    const cut = await edge.next();
    cut.say(["Half an", false, 1]);
    await shows("tokens", "1");
    await page.reload();
    expect(await page.locator(".turn").count()).toBe(2);
    expect(await page.locator(".turn .text").last().textContent()).toBe("Half an");
    expect(await last().locator(".end").textContent()).toContain("left before the end");
    expect(await text("tokens")).toBe("1");
    const next = await asked("Go on");
    expect(next.session).toBe(session);
    expect(next.asked.messages.map(({ content }) => content)).toEqual([
      ...["Remember me", said, "And then?", "Half an", "Go on"],
    ]);
    // A new chat, and back to the old one.
    await page.click("#fresh");
    expect(await page.locator(".turn").count()).toBe(0);
    const other = await asked("Another chat");
    expect(other.session).not.toBe(session);
    await page.click("#open-chats");
    await page.getByRole("button", { name: "Remember me", exact: true }).click();
    expect(await page.locator(".turn").count()).toBe(3);
    await page.click("#open-chats");
    await page.getByRole("button", { name: "Delete the chat: Another chat" }).click();
    await page.getByRole("button", { name: "Close" }).click();
    await page.reload();
    await page.click("#open-chats");
    expect(await page.locator("#kept li").count()).toBe(1);
    expect(visited.problems).toEqual([]);
  });

  test("all settings reach the request, survive a reload, and what is out of bounds is not sent", async () => {
    const values: Record<string, string> = {
      ...{ system: "Be brief.", temperature: "0.7", seed: "42", most: "99", "top-p": "0.9", "top-k": "40" },
      ...{ "min-p": "0.05", "stop-strings": "END\nSTOP", longest: "5", surest: "0.4", rollback: "2", key: "secret" },
      ...{ presence: "0.1", frequency: "-0.2", repetition: "1.1" },
    };
    await page.click("#open-settings");
    await page.selectOption("#rule", "bild");
    await page.selectOption("#draft", "lookup");
    await page.selectOption("#patience", "0");
    for (const [id, value] of Object.entries(values)) await page.fill(`#${id}`, value);
    await page.getByRole("button", { name: "Done" }).click();
    await page.reload();
    const { asked: body, authorization } = await asked("Hello");
    expect(authorization).toBe("Bearer secret");
    expect(body).toEqual({
      ...{ model: "qwen2.5-coder-1.5b", stream: true, temperature: 0.7, top_p: 0.9, top_k: 40, min_p: 0.05 },
      ...{ presence_penalty: 0.1, frequency_penalty: -0.2, repetition_penalty: 1.1 },
      ...{ max_tokens: 99, seed: 42, stop: ["END", "STOP"] },
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Hello" },
      ],
      outrider: {
        ...{ draft: "lookup", max_draft: 5, alpha_fallback: 0.4, patience_ms: 0, rule: "bild", alpha_rollback: 2 },
        trace: true,
      },
    });
    expect(await page.evaluate(() => localStorage.getItem("settings"))).not.toContain("secret");
    await page.click("#open-settings");
    await page.fill("#most", "0");
    await page.getByRole("button", { name: "Close" }).click();
    await ask(page, "Not sent");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("most");
    expect(await page.inputValue("#question")).toBe("Not sent");
    await page.fill("#most", "");
    await page.selectOption("#theme", "dark");
    expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe("dark");
  });

  test("a request as curl, JavaScript and Python", async () => {
    await asked('Say "it\'s" \\ $HOME');
    await act("As code");
    const source = () => page.textContent("#source");
    expect(await source()).toContain(`curl -N ${edge.url}/v1/chat/completions`);
    expect(await source()).toContain('"seed": 1234567');
    expect(await source()).not.toContain("trace");
    await page.selectOption("#language", "Python");
    expect(await source()).toContain('"content": "Say \\"it\'s\\" \\\\ $HOME",');
    expect(await source()).toContain("stream=True,");
    await page.selectOption("#language", "JavaScript");
    await page.locator("#code .copy").click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(await source());
    expect(visited.problems).toEqual([]);
  });

  test("errors keep the question and say what to do", async () => {
    const failing = async (question: string, status: number, message: string, headers = {}) => {
      await ask(page, question);
      (await edge.next()).refuse(status, message, headers);
      await ended(page);
      return last().locator(".end").textContent();
    };
    expect(await failing("Too long", 400, "the prompt has 9 tokens; the context holds 8")).toBe(
      "The prompt has 9 tokens; the context holds 8.",
    );
    expect(await last().locator(".said").textContent()).toContain("Too long");
    expect(await failing("Busy", 429, "too many requests", { "retry-after": "2" })).toContain("Try again in 2 s.");
    expect(await failing("Who?", 401, "no key")).toContain("asks for an API key");
    await act("Settings");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("key");
    await page.keyboard.press("Escape");
    // The question is asked again as it stands; those that failed are not part of the conversation.
    await act("Try again");
    const again = await edge.next();
    expect(again.asked.messages).toEqual([{ role: "user", content: "Who?" }]);
    again.say(["A beginning", false, 1]);
    await shows("tokens", "1");
    again.breakOff();
    await ended(page);
    expect(await last().locator(".end").textContent()).toContain("The answer broke off");
    expect(await last().locator(".text").textContent()).toBe("A beginning");
    await page.route("**/v1/chat/completions", (route) => route.abort());
    await ask(page, "Anybody?");
    await ended(page);
    expect(await last().locator(".end").textContent()).toContain("The edge cannot be reached.");
    await page.reload();
    expect(await last().locator(".said").textContent()).toContain("Anybody?");
    expect(await last().getByRole("button", { name: "Try again" }).isVisible()).toBe(true);
  });

  test("an answer that was cut by its length says so", async () => {
    await ask(page, "Go");
    const answering = await edge.next();
    answering.say(["One", false, 1], [" two", true, 2]);
    answering.end("length");
    await ended(page);
    expect(await last().locator(".end").textContent()).toBe("Cut off after 2 tokens, the most that were allowed.");
  });

  test("by keyboard alone: from the field through the answer and back, Escape stops", async () => {
    await page.keyboard.type("Line one");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("line two");
    await page.keyboard.press("Enter");
    const answering = await edge.next();
    expect(answering.asked.messages.at(-1)?.content).toBe("Line one\nline two");
    answering.say(["Yes", false, 1]);
    await shows("tokens", "1");
    await page.keyboard.press("Escape");
    await answering.left;
    await ended(page);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("question");
    await page.keyboard.press("ArrowUp");
    expect(await page.inputValue("#question")).toBe("Line one\nline two");
    await page.keyboard.press("Escape");
    // Everything that can be pressed is reached, in the order in which it stands, and shows that it is.
    const reached: string[] = [];
    await page.locator("#fresh").focus();
    for (let i = 0; i < 30; i++) {
      const name = await page.evaluate(() => {
        const active = document.activeElement as HTMLElement;
        return active.id || active.ariaLabel || active.textContent || "";
      });
      if (name !== "" && reached.includes(name)) break;
      reached.push(name);
      await page.keyboard.press("Tab");
    }
    const order = ["fresh", "open-chats", "open-settings", "API", "scroll", "Edit this question", "Copy", "Regenerate"];
    expect(reached.filter((name) => order.includes(name))).toEqual(order);
    expect(reached).toEqual(
      expect.arrayContaining(["As code", "question", "trace", "rejects", "beside", "send", "gpu"]),
    );
  });

  test("a screen reader hears that an answer is written, and then the answer, once", async () => {
    await page.evaluate(() => {
      const heard: string[] = [];
      Object.assign(window, { heard });
      const live = document.querySelectorAll("[aria-live], [role=status], [role=log], [role=alert]");
      for (const node of live) {
        new MutationObserver(() => heard.push(node.textContent ?? "")).observe(node, {
          ...{ childList: true, characterData: true, subtree: true },
        });
      }
    });
    await ask(page, "Go");
    const answering = await edge.next();
    for (const token of drafted()) answering.say(token);
    await shows("tokens", "88");
    expect(await last().locator(".lane").getAttribute("aria-busy")).toBe("true");
    answering.end();
    await ended(page);
    const heard = await page.evaluate(() => (window as unknown as { heard: string[] }).heard);
    expect(heard).toEqual(["The answer is being written.", `The answer: ${answering.text}`]);
    expect(await last().locator(".lane").getAttribute("aria-busy")).toBe("false");
  });

  test("nothing runs off the side, and the field is in view", async () => {
    await asked("x".repeat(300));
    const [wide, viewport] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    expect(wide).toBeLessThanOrEqual(viewport as number);
    const box = (await page.locator("#ask").boundingBox()) as { y: number; height: number };
    expect(box.y + box.height).toBeLessThanOrEqual(SIZES[size].height);
  });
});
