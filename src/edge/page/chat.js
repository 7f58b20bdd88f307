/**
 * The playground: one conversation over `/v1/chat/completions`, with a trace of which tokens were kept drafts.
 * Plain JavaScript, served as it is. Every text enters the page as text, never as HTML.
 */
import { readEvents } from "./events.js";
import { showNumbers } from "./numbers.js";

const $ = (id) => document.getElementById(id);

/** The choice under Origin that waits for drafts. */
const WAITS = "10000";
const waits = () => $("patience").value === WAITS;

let messages = [];
let conversation = crypto.randomUUID();
let running = null;

const authorization = () => ($("key").value ? { authorization: `Bearer ${$("key").value}` } : {});

$("key").value = sessionStorage.getItem("key") ?? "";
$("key").addEventListener("change", () => {
  sessionStorage.setItem("key", $("key").value);
  loadModel();
});
$("temperature").addEventListener("input", () => {
  $("heat").value = $("temperature").value;
});
$("fresh").addEventListener("click", () => {
  running?.abort();
  messages = [];
  conversation = crypto.randomUUID();
  $("log").replaceChildren(hint);
  $("question").focus();
});
$("show-drafts").addEventListener("click", () => {
  $("patience").value = waits() ? "" : WAITS;
  nameSwitch();
  $("question").focus();
});
$("patience").addEventListener("change", nameSwitch);
$("stop").addEventListener("click", () => running?.abort());
$("question").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("ask").requestSubmit();
});
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = $("question").value.trim();
  if (question === "" || running) return;
  $("question").value = "";
  answer(question);
});

const hint = $("hint");
let model;
loadModel();
loadExamples();
loadNotice();

/** What must be known before anything is read off this page, such as that the GPU is emulated. */
async function loadNotice() {
  const response = await fetch("notice.json");
  const { text } = response.ok ? await response.json() : { text: null };
  $("notice").textContent = text ?? "";
  $("notice").hidden = !text;
}

/** Questions that suit the target, each a button that puts it into the field. */
async function loadExamples() {
  const response = await fetch("examples.json");
  if (!response.ok) return;
  for (const example of await response.json()) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = example;
    button.addEventListener("click", () => {
      $("question").value = example;
      $("question").focus();
    });
    $("examples").append(button);
  }
}

async function loadModel() {
  const response = await fetch("/v1/models", { headers: authorization() });
  if (!response.ok) return;
  model = (await response.json()).data[0].id;
  $("model").textContent = model;
}

async function answer(question) {
  hint.remove();
  addLine("user", question);
  const line = addLine("assistant busy", "");
  running = new AbortController();
  $("send").hidden = true;
  $("stop").hidden = false;
  let text = "";
  try {
    const asked = [...messages, { role: "user", content: question }];
    for await (const chunk of await ask(asked, running.signal)) {
      for (const token of chunk.choices[0] ? (chunk.outrider?.tokens ?? []) : []) {
        text += token.text;
        addToken(line, token);
      }
      if (chunk.timings) {
        showNumbers(chunk.timings, chunk.outrider);
        showNote(chunk.outrider?.note);
      }
    }
    messages = [...asked, { role: "assistant", content: text }];
  } catch (error) {
    if (error.name !== "AbortError") addLine("error", error.message);
    // What was said so far stays part of the conversation.
    if (text !== "") messages.push({ role: "user", content: question }, { role: "assistant", content: text });
  } finally {
    line.classList.remove("busy");
    running = null;
    $("send").hidden = false;
    $("stop").hidden = true;
  }
}

async function ask(asked, signal) {
  if (!model) await loadModel();
  const number = (id) => ($(id).value === "" ? undefined : Number($(id).value));
  const response = await fetch("/v1/chat/completions", {
    method: "POST",
    signal,
    headers: { "content-type": "application/json", "x-session-affinity": conversation, ...authorization() },
    body: JSON.stringify({
      model,
      messages: asked,
      stream: true,
      temperature: number("temperature"),
      max_tokens: number("most"),
      seed: number("seed"),
      outrider: {
        draft: $("draft").value,
        rule: $("rule").value,
        patience_ms: number("patience"),
        // Somebody is watching: tokens that are unlikely to be kept are not worth the wait.
        alpha_fallback: $("rule").value === "exact" ? 0.3 : undefined,
        trace: true,
      },
    }),
  });
  if (!response.ok) {
    const body = await response.json().catch(() => null);
    throw new Error(body?.error?.message ?? `the server answered ${response.status}`);
  }
  return readEvents(response.body);
}

/** Why drafts were made or left out, and a switch where that is to be explained. */
function showNote(text) {
  $("note").textContent = text ?? "";
  $("note").hidden = !text;
  $("show-drafts").hidden = !text;
  nameSwitch();
}

function nameSwitch() {
  $("show-drafts").textContent = waits() ? "Back to the fastest way" : "Show drafts at work";
}

function addLine(kind, text) {
  const line = document.createElement("li");
  line.className = kind;
  line.textContent = text;
  $("log").append(line);
  scrollDown(true);
  return line;
}

function addToken(line, token) {
  const span = document.createElement("span");
  span.className = `token ${token.kept ? "kept" : "decided"}`;
  span.textContent = token.text;
  line.append(span);
  scrollDown(false);
}

/** Follows the answer unless the reader has scrolled up. */
function scrollDown(always) {
  const log = $("log");
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 120;
  if (always || atEnd) log.scrollTop = log.scrollHeight;
}
