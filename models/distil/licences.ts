/** Which licences let their code be taught from: MIT, BSD, Apache, PSF and ISC. Copyleft of any strength does not. */

const ALLOWED: ReadonlySet<string> = new Set([
  "MIT",
  "MIT-0",
  "BSD",
  "0BSD",
  "BSD-2-CLAUSE",
  "BSD-3-CLAUSE",
  "APACHE-2.0",
  "PSF-2.0",
  "PYTHON-2.0",
  "ISC",
]);

/** Names that packages use instead of SPDX's. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^(the )?(mit|expat)( license)?$/i, "MIT"],
  [/^(new |modified |revised |3-clause )?bsd(-3| 3-clause)?( license)?$/i, "BSD-3-CLAUSE"],
  [/^(simplified bsd|bsd-2|2-clause bsd)( license)?$/i, "BSD-2-CLAUSE"],
  [/^apache(-2|-2\.0| 2| 2\.0| software license| license,? (version )?2\.0)( license)?$/i, "APACHE-2.0"],
  [/^(psf|python software foundation)( license)?$/i, "PSF-2.0"],
  [/^isc license$/i, "ISC"],
];

/**
 * Whether an SPDX expression, or the name of a licence, is permissive. One of several alternatives suffices; where
 * alternatives and conjunctions are mixed, every licence in the expression must be permissive.
 */
export function isPermissive(licence: string): boolean {
  const [text, or, and] = [licence.replaceAll("/", " OR "), /\s+or\s+/i, /\s+and\s+/i];
  const names = text
    .split(/\s+(?:or|and)\s+/i)
    .map((name) =>
      name
        .replace(/ \((?:mit|iscl)\)$/i, "")
        .replace(/[()]/g, "")
        .trim(),
    )
    .map((name) => NAMES.find(([pattern]) => pattern.test(name))?.[1] ?? name.toUpperCase());
  return or.test(text) && !and.test(text)
    ? names.some((name) => ALLOWED.has(name))
    : names.every((name) => ALLOWED.has(name));
}
