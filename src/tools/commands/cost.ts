/** `outrider cost`: what an edge costs on Cloudflare, by the arithmetic of its own account (src/edge/bill). */
import { type Bill, bill, USUAL } from "../../edge/bill/month.ts";
import { PAID_USD, PRICES, PRICES_OF } from "../../edge/bill/prices.ts";
import { textTable } from "../charts/text-table.ts";
import { command } from "./command.ts";
import { choice, decimal, whole } from "./options.ts";

const DAYS = 30;

export const costCommand = command({
  examples: [
    ["outrider cost --tokens-per-month 100000000", "answers of 300 tokens to prompts of 500, on the Paid plan"],
    ["outrider cost --tokens-per-month 1e6 --plan free", "whether that fits the Free plan"],
    ["outrider cost --tokens-per-month 1e9 --turns 6 --prompt 80 --draft-step 1.9", "conversations, a faster machine"],
  ],
  options: {
    tokensPerMonth: decimal("N", "output tokens a month, such as 1e8", { from: 1, to: 1e15, default: "1e6" }),
    plan: choice(["free", "paid"], "Cloudflare's plan", { default: "paid" }),
    prompt: whole("tokens that each prompt adds", { from: 1, to: 1e6, default: USUAL.prompt }),
    turns: whole("turns of a conversation", { from: 1, to: 1000, default: USUAL.turns }),
    draftStep: decimal("MS", "a draft step", { from: 0.01, to: 1000, default: USUAL.stepMs }),
  },
  notes: `Answers have ${USUAL.answer} tokens and are kept for ${USUAL.keepHours} hours. What is not given is what the default draft does before a
target of ${USUAL.tokensPerSecond} tokens/s on a Zen 3. An answer's own account has what it really took, as outrider.cost. Prices are Cloudflare's of ${PRICES_OF}. CPU is listed although
the price list of Durable Objects has none. The origin's cost is not among it.`,
  async run({ tokensPerMonth, plan, prompt, turns, draftStep: stepMs }) {
    const result = bill({ ...USUAL, prompt, turns, stepMs }, tokensPerMonth);
    console.log(plan === "paid" ? paid(result, tokensPerMonth) : free(result, tokensPerMonth));
  },
});

const large = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3));

function paid({ items, perMillion, perMillionWithoutCpu, month }: Bill, tokens: number): string {
  const rows = items.map(({ resource, used, perMillion: usd, month: asked }) => [
    PRICES[resource].unit,
    large(used),
    large(PRICES[resource].included),
    usd.toFixed(3),
    asked.toFixed(2),
  ]);
  return [
    `${tokens.toLocaleString("en")} output tokens a month on the Paid plan, prices of ${PRICES_OF}`,
    "",
    ...textTable(["", "used", "included", "$ per million tokens", "$ a month"], rows),
    "",
    `$${perMillion.toFixed(2)} per million output tokens at plain prices, $${perMillionWithoutCpu.toFixed(2)} where an`,
    `object's CPU is not billed. With what is included, $${month.toFixed(2)} a month, $${PAID_USD} of it the plan's.`,
  ].join("\n");
}

function free({ items }: Bill, tokens: number): string {
  const aDay = tokens / DAYS;
  const limited = items.filter(({ freeTokensADay }) => freeTokensADay !== null);
  const rows = limited.map(({ resource, freeTokensADay }) => [
    PRICES[resource].unit,
    large(PRICES[resource].free ?? 0),
    large(freeTokensADay ?? 0),
    `${Math.ceil((100 * aDay) / (freeTokensADay ?? 1))} %`,
  ]);
  const first = limited.reduce((least, item) => (item.freeTokensADay! < least.freeTokensADay! ? item : least));
  const fits = first.freeTokensADay! >= aDay;
  return [
    `${tokens.toLocaleString("en")} output tokens a month on the Free plan, allowances of ${PRICES_OF}`,
    "",
    ...textTable(["", "allowed a day", "tokens a day", "used"], rows),
    "",
    `${fits ? "It fits" : "It does not fit"}: ${PRICES[first.resource].unit} end first, at ` +
      `${large(first.freeTokensADay!)} tokens a day.`,
    "Whether an object has 10 ms or 30 s of CPU for a request there, Cloudflare's pages contradict each other:",
    "with 10 ms a draft model does not run (--draft none needs the least).",
  ].join("\n");
}
