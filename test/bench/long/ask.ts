/** Prints the long prompts of texts.ts as lines of JSON, for record.py to answer. */
import { longPrompts } from "./texts.ts";

for (const prompt of await longPrompts()) console.log(JSON.stringify(prompt));
