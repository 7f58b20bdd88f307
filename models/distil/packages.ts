/**
 * Packages in a folder, each with its licence and its files: what npm, pip, Cargo and Debian have unpacked there. A
 * file belongs to the innermost package around it. A new kind of package is a row of MANIFESTS.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Package } from "../../src/tools/make/source-files.ts";

type Facts = Omit<Package, "files" | "root">;

/** Manifests by the name of the file, and how to read one. Undefined: this file does not describe a package. */
const MANIFESTS: Readonly<Record<string, (text: string) => Facts | undefined>> = {
  "package.json": (text) => {
    const { name, version, license } = JSON.parse(text) as Record<string, unknown>;
    if (typeof name !== "string" || typeof version !== "string") return undefined;
    const licence = typeof license === "object" && license && "type" in license ? license.type : license;
    return { name, version, licence: typeof licence === "string" ? licence : "" };
  },
  "Cargo.toml": (text) => {
    const field = (key: string) => new RegExp(`^${key} = "(.*)"`, "m").exec(text)?.[1];
    const name = field("name");
    return name === undefined ? undefined : { name, version: field("version") ?? "", licence: field("license") ?? "" };
  },
  "PKG-INFO": coreMetadata,
  METADATA: coreMetadata,
};

/** Python's core metadata (PEP 566, PEP 639). */
function coreMetadata(text: string): Facts | undefined {
  const head = text.split(/\r?\n\r?\n/)[0]!;
  const field = (key: string) => new RegExp(`^${key}: (.*)$`, "m").exec(head)?.[1]?.trim();
  const name = field("Name");
  // License is free text and may be the whole licence; a classifier is then the better name.
  const classes = [...head.matchAll(/^Classifier: License ::.* :: (.*)$/gm)].map((match) => match[1]!);
  const licence = field("License-Expression") ?? (classes.length > 0 ? classes.join(" AND ") : field("License"));
  return name === undefined ? undefined : { name, version: field("Version") ?? "", licence: licence ?? "" };
}

/** Debian's machine-readable copyright file: all licences in it but those of Debian's own packaging. */
function debianLicence(text: string): string {
  const stanzas = text
    .split(/\n\s*\n/)
    .filter((stanza) => /^Files:/m.test(stanza) && !/^Files: *debian\//m.test(stanza));
  const names = stanzas.map((stanza) => /^License: *(.*)$/m.exec(stanza)?.[1]?.trim() ?? "unknown");
  return [...new Set(names)].join(" AND ");
}

/** All packages under a folder that have files, in the order of their paths. */
export function packagesIn(folder: string): Package[] {
  const found: Package[] = [];
  walk(folder, undefined, found);
  return found.filter(({ files }) => files.length > 0);
}

function walk(folder: string, around: Package | undefined, found: Package[]): void {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  const facts = factsOf(
    folder,
    entries.map(({ name }) => name),
  );
  const owner = facts ? { ...facts, files: [] } : around;
  if (owner && owner !== around) found.push(owner);
  const installed = owner && path.extname(folder) === ".dist-info" ? recorded(folder) : [];
  owner?.files.push(...installed);
  for (const entry of entries) {
    const inside = path.join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== ".git") walk(inside, owner, found);
    else if (entry.isFile() && installed.length === 0) owner?.files.push(inside);
  }
}

function factsOf(folder: string, names: readonly string[]): Facts | undefined {
  const manifest = names.find((name) => Object.hasOwn(MANIFESTS, name));
  if (manifest) return MANIFESTS[manifest]!(readFileSync(path.join(folder, manifest), "utf8"));
  const documents = path.join(folder, "usr/share/doc");
  if (!names.includes("usr") || !existsSync(documents)) return undefined;
  for (const name of readdirSync(documents)) {
    const copyright = path.join(documents, name, "copyright");
    if (existsSync(copyright)) return { name, version: "", licence: debianLicence(readFileSync(copyright, "utf8")) };
  }
  return undefined;
}

/** Files that pip has installed, by the RECORD beside the metadata. */
function recorded(folder: string): string[] {
  const record = path.join(folder, "RECORD");
  if (!existsSync(record)) return [];
  return readFileSync(record, "utf8")
    .split("\n")
    .map((line) => path.join(path.dirname(folder), line.split(",")[0]!))
    .filter((file) => path.extname(file) === ".py" && existsSync(file));
}
