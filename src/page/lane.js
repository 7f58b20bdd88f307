/**
 * One answer: what has come of it, and what can be counted of it. Plain data, kept with the chat. Drafted and plain
 * answers to the same question run in lanes beside each other.
 */

/** @param kind "drafts" and "plain" where the two stand side by side, else "" */
export const newLane = (kind = "") => ({ kind, text: "", tokens: [], kept: 0, judged: 0, passes: 0 });

/** Takes a chunk of the stream in. `ms` is the time since the question was sent. */
export function take(lane, chunk, ms) {
  const [choice] = chunk.choices;
  lane.text += choice?.delta?.content ?? "";
  if (choice?.finish_reason) lane.finish = choice.finish_reason;
  if (choice) for (const token of chunk.outrider?.tokens ?? []) count(lane, token, ms);
  if (!chunk.timings) return;
  lane.timings = chunk.timings;
  const { tokens: _, ...account } = chunk.outrider ?? {};
  lane.account = account;
}

function count(lane, { text, kept, pass, rejected }, ms) {
  lane.tokens.push(rejected ? [text, kept, rejected.join("")] : [text, kept]);
  lane.passes = pass;
  if (kept) lane.kept++;
  if (kept || rejected) lane.judged++;
  lane.firstMs ??= ms;
  lane.lastMs = ms;
}

/**
 * The figures of an answer, as far as it has come. NaN where there is none yet. The server's own at the end: it counts
 * the token that ends an answer, and its clock knows no network.
 */
export function figuresOf({ tokens, kept, judged, passes, firstMs, lastMs, timings }) {
  const counted = timings
    ? {
        tokens: timings.predicted_n,
        passes: timings.target_passes,
        kept: timings.draft_n_accepted,
        judged: timings.draft_n_judged,
        firstMs: timings.prompt_ms,
        perSecond: timings.predicted_per_second || Number.NaN,
      }
    : {
        ...{ tokens: tokens.length, passes, kept, judged, firstMs: firstMs ?? Number.NaN },
        perSecond: lastMs > firstMs ? (1000 * (tokens.length - 1)) / (lastMs - firstMs) : Number.NaN,
      };
  const { tokens: n, passes: took } = counted;
  return {
    ...counted,
    perPass: took > 0 ? n / took : Number.NaN,
    acceptance: counted.judged > 0 ? counted.kept / counted.judged : Number.NaN,
    // The prompt's pass decides the first token, with drafts or without.
    spared: took > 0 && n > 1 ? 1 - (took - 1) / (n - 1) : Number.NaN,
    drafted: n > 0 ? counted.kept / n : 0,
  };
}

/** Why an answer ended where it does, in words; "" where it came to its own end. */
export function endOf({ finish, stopped, error, timings, account, text }) {
  if (error) return text ? `The answer broke off: ${error}` : error;
  if (stopped) return "Stopped.";
  if (finish === "length")
    return `Cut off after ${timings?.predicted_n ?? "the most"} tokens, the most that were allowed.`;
  if (!finish) return "The page was left before the end.";
  const times = account?.interrupted?.times;
  return times
    ? `An origin was lost ${times === 1 ? "once" : `${times} times`}; another went on with the same text.`
    : "";
}
