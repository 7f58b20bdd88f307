/** The errors that clients are answered with: status → codes → when. docs/reference/api.md prints the same rows. */
export const ERRORS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  400: {
    invalid_json: "The body is not JSON.",
    invalid_request: "A field is missing, of the wrong type or out of range.",
    unsupported_parameter: "A field asks for something that Outrider cannot do; the list below names these fields.",
    unsupported_rule: "The rule `bild` beside a field that changes the target's logits.",
    unsupported_value: "A message holds something other than text, or a tool is something other than a function.",
    context_length_exceeded:
      "The prompt leaves no position of the context for the answer, or a question about tokens is about more than four " +
      "contexts.",
    no_draft_model: "`outrider.draft` is `model`, and the deployment has no draft model.",
    no_chat_template: "The model was not made to chat. Use `/v1/completions`.",
    no_fill_in_the_middle: "The model has no tokens for a `suffix`.",
    previous_response_not_found: "The response was not stored, its conversation has ended, or it is another key's.",
    unsupported_schema: "A keyword of a JSON Schema that cannot be enforced; the message names it and where it stands.",
    unsupported_pattern: "A regular expression that cannot be enforced; the message says why.",
    bad_grammar: "A grammar with a fault; the message names its line.",
    grammar_too_complex: "A form takes too much memory or too many steps; the message names the limit.",
    impossible_constraint: "No text has the form that is asked for.",
    nothing_allowed: "Biases, allowed tokens and a form together forbid every token.",
    bad_token: "A token id is outside the vocabulary.",
  },
  401: {
    missing_api_key: "The deployment has keys and the request carries no bearer token.",
    invalid_api_key: "The bearer token is none of the deployment's keys.",
  },
  404: {
    model_not_found: "The deployment serves another model.",
    not_found: "There is no such route.",
  },
  405: { method_not_allowed: "The route has other methods; the header `allow` names them." },
  413: { request_too_large: "The body is over 1 MiB." },
  429: {
    session_busy: "This Session answers already and its queue is full. Send another `x-session-affinity`.",
    rate_limit_exceeded:
      "The key has reached one of its limits, or an address without a key has asked too often. `retry-after` says " +
      "when the next request may pass.",
  },
  499: { closed: "The client left while its request waited. Only the log shows it." },
  500: {
    internal_error: "A fault of ours. The operator finds it in the log by `x-request-id`.",
    bad_setting: "A setting of the deployment has a value that it cannot have; the message names it.",
  },
  502: {
    malformed_answer: "The answer came to its end without the form that was asked for. A fault of ours.",
    internal: "The origin failed at this request twice in a way that it did not foresee. Its log says more.",
  },
  503: {
    no_model: "No model is among the assets.",
    origin_missing: "No origin is configured.",
    origin_unreachable: "The origin does not answer.",
    origin_busy: "The origin has as many sockets as it takes. The service is full, not the key.",
    overloaded: "The origin had no place for the request within ten seconds. The service is full, not the key.",
    origin_lost: "The connection to the origin broke, and no other could be made in time.",
    bad_verdict: "The origin broke the rules of the wire.",
    storage_failed: "What the request needs is stored and cannot be read or changed. Answers go on without storage.",
    session_unavailable: "The Session was restarted or is overloaded. Try again.",
  },
  504: { origin_timeout: "The origins were silent up to `ORIGIN_DEADLINE_MS`." },
};
