/** What drafts do for a target on this machine's processor, as the banner of `outrider start` says it. */

interface OnProcessor {
  /** How many passes over one position a pass over eight takes, where the engine knows. */
  readonly passesOf8: number | undefined;
  /** Tokens per target pass with the draft that is served, where its card says. */
  readonly tokensPerPass: number | undefined;
  /** Whether the drafter computes in the target's own thread, so that it never saves time. */
  readonly shared: boolean;
  /** The user's own PREFER. */
  readonly prefer: string | undefined;
}

export function onProcessor({ passesOf8, tokensPerPass, shared, prefer }: OnProcessor): string {
  const cost = passesOf8 === undefined ? "" : `, where verifying 8 positions costs ${passesOf8} passes`;
  const target = `The target here runs on your CPU${cost}.`;
  const spared = tokensPerPass === undefined ? "passes" : `about ${sparedPercent(tokensPerPass)} % of the passes`;
  if (prefer === "passes") {
    return `${target}
Drafts are on, as PREFER=passes in .dev.vars asks: they spare ${spared} and cost you time.
"outrider": {"draft": "off"} in a request is faster.`;
  }
  if (!shared) {
    return `${target}
So drafts are used only where they save time. PREFER=passes in .dev.vars uses them always, to spare ${spared}.`;
  }
  return `${target}
Drafts are off to save your time: they would spare ${spared}.
To see them at work, choose "waits for drafts" on the page, or put PREFER=passes into .dev.vars.`;
}

/** Of 100 tokens, those that come without a target pass of their own. */
const sparedPercent = (tokensPerPass: number): number => Math.round(100 * (1 - 1 / tokensPerPass));
