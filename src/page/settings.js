/** What is set for answers: fields of the form, kept from visit to visit, and the request that they make. */
import { $ } from "./dom.js";

/** Kept until the tab is closed, and not with the rest. */
const SECRET = "key";

const fields = () => [...$("set").elements].filter(({ id, type }) => id && type !== "submit" && type !== "button");

/** Shows what was kept, and keeps what is changed. `changed` is called with the field. */
export function keepSettings(changed) {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem("settings")) ?? {};
    kept[SECRET] = sessionStorage.getItem(SECRET) ?? "";
  } catch {
    // Storage is closed to the page, or holds something else.
  }
  for (const field of fields()) if (typeof kept[field.id] === "string") field.value = kept[field.id];
  // Fields of the form may stand elsewhere on the page.
  addEventListener("input", ({ target }) => {
    if (target.form !== $("set")) return;
    save();
    changed(target);
  });
  for (const field of fields()) changed(field);
}

export function save() {
  const { [SECRET]: secret, ...rest } = Object.fromEntries(fields().map(({ id, value }) => [id, value]));
  try {
    localStorage.setItem("settings", JSON.stringify(rest));
    sessionStorage.setItem(SECRET, secret);
  } catch {
    // They hold as long as the page, then.
  }
}

/** True where every field holds what it may; else the first that does not is shown. */
export function settingsHold() {
  if ($("set").checkValidity()) return true;
  if (!$("settings").open) $("settings").showModal();
  for (const group of $("set").querySelectorAll("details")) group.open ||= group.querySelector(":invalid") !== null;
  return $("set").reportValidity() && false;
}

export const authorization = () => ($(SECRET).value ? { authorization: `Bearer ${$(SECRET).value}` } : {});

const number = (id) => ($(id).value === "" ? undefined : Number($(id).value));
const chosen = (id) => $(id).value || undefined;

/** An object without its undefined fields; undefined where nothing is left. */
function told(object) {
  const known = Object.entries(object).filter(([, value]) => value !== undefined);
  return known.length > 0 ? Object.fromEntries(known) : undefined;
}

/**
 * The body of a request as a client would write it: what is left as the server has it is left out.
 * @param own fields in the place of those that are set: a seed, or Outrider's options
 */
export function requestOf(model, messages, { seed, outrider } = {}) {
  const system = $("system").value.trim();
  const stops = $("stop-strings")
    .value.split("\n")
    .filter((line) => line !== "");
  const bild = $("rule").value === "bild";
  return told({
    model,
    messages: system ? [{ role: "system", content: system }, ...messages] : messages,
    stream: true,
    temperature: number("temperature"),
    top_p: number("top-p"),
    top_k: number("top-k"),
    min_p: number("min-p"),
    presence_penalty: number("presence"),
    frequency_penalty: number("frequency"),
    repetition_penalty: number("repetition"),
    max_tokens: number("most"),
    seed: seed ?? number("seed"),
    stop: stops.length > 0 ? stops : undefined,
    outrider: told({
      draft: chosen("draft"),
      max_draft: number("longest"),
      alpha_fallback: number("surest"),
      patience_ms: number("patience"),
      rule: bild ? "bild" : undefined,
      alpha_rollback: bild ? number("rollback") : undefined,
      ...outrider,
    }),
  });
}
