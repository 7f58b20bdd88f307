/** The figures beside the chat: of the answer, of the window that decides how far to draft, and of a million tokens. */
import { $ } from "./dom.js";
import { figuresOf } from "./lane.js";

const rounded = (value, digits) => value.toLocaleString("en", { maximumFractionDigits: digits });
const known = (value, form) => (Number.isFinite(value) ? form(value) : "–");
export const percent = (share) => known(share, (value) => `${Math.round(100 * value)} %`);
export const decimal = (value, digits = 1) => known(value, () => rounded(value, digits));
const ms = (value) => known(value, () => `${rounded(value, value < 10 ? 1 : 0)} ms`);
const money = (value) => `$${rounded(value, value < 10 ? 2 : 0)}`;
/** 585 k rather than 585,000. */
const short = (value) => value.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 3 });

function show(id, text) {
  const element = $(id);
  if (element.textContent !== text) element.textContent = text;
}

/** What can be counted of an answer so far. */
export function showFigures(lane) {
  const { perPass, spared, acceptance, perSecond, firstMs, tokens, passes, drafted } = figuresOf(lane);
  show("per-pass", decimal(perPass, 2));
  show("spared", percent(spared));
  show("speed", decimal(perSecond));
  show("acceptance", percent(acceptance));
  show("first", ms(firstMs));
  show("tokens", tokens > 0 ? decimal(tokens) : "–");
  show("passes", passes > 0 ? decimal(passes) : "–");
  $("bar").style.width = `${100 * drafted}%`;
  $("shares").classList.toggle("empty", tokens === 0);
  $("shares").ariaLabel = tokens === 0 ? "No answer yet" : `${percent(drafted)} of the tokens were drafted`;
  showMillion(lane);
}

/** What the Session's window goes by, once an answer has told it. */
export function showThoughts({ account, timings }) {
  const { measured, patience_ms: patience, note, undrafted, draft } = account ?? {};
  show("thoughts", account ? thought(account, timings) : "It decides how far to draft, and has measured nothing yet.");
  $("measured").hidden = !measured;
  show("note", note ?? "");
  $("note").hidden = !note;
  // There is something to switch where the window may draft and has not, or does because it was told to.
  $("show-drafts").hidden = !account || draft === "off" || undrafted || !(note || patience === 0);
  if (!measured) return;
  const { round_trip_ms: trip, break_even_ms: even } = measured;
  show("round-trip", ms(trip));
  show("break-even", ms(even));
  show("usual", percent(measured.acceptance));
  show("draft-step", ms(measured.draft_step_ms));
  show("step", ms(measured.target_step_ms));
  show("position", ms(measured.position_ms));
  const whole = 1.6 * Math.max(trip, even, 1);
  $("pays").style.width = `${(100 * even) / whole}%`;
  $("trip").style.left = `${(100 * trip) / whole}%`;
  $("scale").ariaLabel = `The round trip of ${ms(trip)} beside the break-even of ${ms(even)}`;
}

function thought({ measured, patience_ms: patience, undrafted, draft, note }, timings) {
  if (draft === "off") return "Drafts are switched off.";
  if (undrafted) return "The origin's engine checks no drafts under this sampling, so none are made.";
  if (!measured) return note ? "No drafts were made." : "No drafts were made: the answer was too short.";
  const { round_trip_ms: trip, break_even_ms: even } = measured;
  const waited =
    patience > 0 ? `The origin waited for them, at most ${ms(patience)}.` : "The origin did not wait for them.";
  const pays =
    trip < even
      ? "below the break-even: waiting for drafts saves time"
      : "above the break-even: waiting for drafts takes time";
  const rate = decimal(timings.draft_n / Math.max(1, timings.target_passes));
  return `${rate} tokens were drafted for a pass. ${waited} The round trip is ${pays}.`;
}

/** What a million tokens of such answers cost and spare. */
export function showMillion({ timings, account }) {
  const { measured, cost } = account ?? {};
  const { spared } = figuresOf({ tokens: [], timings });
  show("cost", known(cost?.usd_per_million_tokens, money));
  const of = cost ? `Cloudflare's prices of ${cost.prices_of}` : "";
  show("cost-of", of ? `If every answer were like this one, at ${of}.` : "If every answer were like this one.");
  show("passes-spared", timings ? known(spared * 1e6, short) : "–");
  // A pass that checks drafts takes longer than one that does not.
  const checked = measured ? (1e6 * timings.draft_n) / timings.predicted_n : Number.NaN;
  const hours = measured
    ? (spared * 1e6 * measured.target_step_ms - checked * measured.position_ms) / 3.6e6
    : Number.NaN;
  const worth = hours * $("gpu").valueAsNumber;
  show("gpu-time-of", hours < 0 ? "GPU time more" : "GPU time spared");
  show("worth-of", hours < 0 ? "costing" : "worth");
  show(
    "gpu-time",
    known(Math.abs(hours), (value) => `${rounded(value, value < 10 ? 1 : 0)} h`),
  );
  show("worth", known(Math.abs(worth), money));
}
