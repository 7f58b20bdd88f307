/** An answer in Markdown, as tokens: with drafts, of which some were rejected, and without. */
import type { Said } from "./scripted.ts";

const TEXT = `Speculative decoding lets a **small model** guess ahead:

1. The small model *drafts* a few tokens.
2. The large one checks them in \`one\` pass.

\`\`\`python
def keep(draft, target):
    for i, (a, b) in enumerate(zip(draft, target)):
        if a != b:
            return i
    return len(draft)
\`\`\`

Each kept token is the target's own choice, so the text is the same.`;

const WORDS = TEXT.match(/\s*[\w*`']+|\s*[^\w]/g) as string[];

/** Four of five tokens were drafted. */
export function drafted(): Said[] {
  let pass = 1;
  return WORDS.map((text, i): Said => {
    const kept = i % 5 !== 0;
    if (!kept && i > 0) pass++;
    return i % 15 === 10 ? [text, kept, pass, [" wrong", " guess"]] : [text, kept, pass];
  });
}

export const plain = (): Said[] => WORDS.map((text, i): Said => [text, false, i + 1]);
