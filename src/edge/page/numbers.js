/** The figures beside the chat, from the `timings` of an answer and Outrider's own account of it. */
export function showNumbers(timings, account) {
  const { predicted_n, predicted_per_second, prompt_ms, draft_n_judged, draft_n_accepted, target_passes } = timings;
  const show = (id, value) => {
    document.getElementById(id).textContent = Number.isFinite(value) ? value.toLocaleString() : "–";
  };
  const round = (value, digits) => Number(value.toFixed(digits));
  show("per-pass", round(predicted_n / target_passes, 2));
  show("speed", round(predicted_per_second, 1));
  show("tokens", predicted_n);
  show("passes", target_passes);
  const { usd_per_million_tokens, prices_of } = account?.cost ?? {};
  show("cost", usd_per_million_tokens);
  document.getElementById("cost-of").title = prices_of
    ? `What the edge would cost on Cloudflare, by its prices of ${prices_of}, were every answer like this one`
    : "";
  document.getElementById("first").textContent = `${Math.round(prompt_ms).toLocaleString()} ms`;
  document.getElementById("kept-share").textContent =
    draft_n_judged > 0 ? `${Math.round((100 * draft_n_accepted) / draft_n_judged)} %` : "–";
  document.getElementById("bar").style.width = `${predicted_n > 0 ? (100 * draft_n_accepted) / predicted_n : 0}%`;
}
