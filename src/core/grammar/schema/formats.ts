/** Formats of strings that are enforced, each as a pattern over the whole string: no wider than the format is. */

const DAY =
  "(?:(?:[0-9]{4})-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|" +
  "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8])))";
const TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
const BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const HOST = `${LABEL}(?:\\.${LABEL}){0,7}`;
const H16 = "[0-9A-Fa-f]{1,4}";
/** RFC 3986: characters of a path, of a host's name, of what stands before the host, and of query and fragment. */
const escaped = (others: string): string => `(?:[A-Za-z0-9._~!$&'()*+,;=${others}-]|%[0-9A-Fa-f]{2})`;
const IPV4 = `${BYTE}(?:\\.${BYTE}){3}`;
const IPV6 = `(?:${H16}:){7}${H16}|(?:${H16}:){1,6}:${H16}|::|::${H16}(?::${H16}){0,5}`;
const AUTHORITY = `(?:${escaped(":")}*@)?(?:${escaped("")}*|\\[(?:${IPV6})\\])(?::[0-9]*)?`;
const PATH = `(?://${AUTHORITY}(?:/${escaped(":@/")}*)?|/?(?:${escaped(":@")}+(?:/${escaped(":@")}*)*)?)`;
const TAIL = `(?:\\?${escaped(":@/?")}*)?(?:#${escaped(":@/?")}*)?`;

export const FORMATS: Readonly<Record<string, string>> = {
  date: DAY,
  "date-time": `${DAY}T${TIME}`,
  time: TIME,
  duration: "P(?:[0-9]+W|(?:[0-9]+Y)?(?:[0-9]+M)?[0-9]+D(?:T[0-9]+H)?|T[0-9]+H(?:[0-9]+M)?|T[0-9]+M|T[0-9]+S)",
  email: `[A-Za-z0-9_%+-]+(?:\\.[A-Za-z0-9_%+-]+)*@${HOST}`,
  hostname: HOST,
  ipv4: IPV4,
  ipv6: IPV6,
  uuid: "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
  uri: `[A-Za-z][A-Za-z0-9+.-]*:${PATH}${TAIL}`,
};

/** Formats that JSON Schema defines and nothing here can enforce. Whatever it does not define is an annotation. */
export const UNENFORCED_FORMATS = new Set([
  "idn-email",
  "idn-hostname",
  "iri",
  "iri-reference",
  "json-pointer",
  "regex",
  "relative-json-pointer",
  "uri-reference",
  "uri-template",
]);
