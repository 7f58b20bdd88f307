/**
 * Characters that a terminal obeys instead of showing them: they move its cursor, colour or clear it, ring, or turn the
 * order of a line around. Text that comes out of a file is shown with them spelt out.
 */

const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

export const hasControl = (text: string): boolean => CONTROL.test(text);

/** The text with each of them spelt as in JSON, such as `\u001b`; lines and tabs stay. */
export const spelt = (text: string): string =>
  text.replace(new RegExp(CONTROL, "gu"), (character) =>
    character === "\n" || character === "\t"
      ? character
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
