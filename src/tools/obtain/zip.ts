/**
 * Finds one file in a zip archive, such as a Python wheel. Archives beyond 4 GiB (zip64) are refused.
 *
 *   … local header (30 bytes, name, extra) · data …   for each file
 *   central directory: per file 46 bytes, name, extra, comment
 *   end record: 22 bytes and a comment, at the very end
 */
import type { ByteSource } from "../../core/format/source.ts";
import { OutriderError } from "../../core/model/errors.ts";

interface ZipEntry {
  readonly name: string;
  /** Where its data begins in the archive. */
  readonly offset: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  readonly method: "stored" | "deflated";
}

const END_RECORD = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_HEADER = 0x04034b50;
const END_BYTES = 22;
const MAX_COMMENT = 65535;

/** The first entry whose name `matches`. Throws `bad_zip` if the archive is damaged or has none. */
export async function findZipEntry(source: ByteSource, matches: (name: string) => boolean): Promise<ZipEntry> {
  const tailBytes = Math.min(source.size, END_BYTES + MAX_COMMENT);
  const tail = viewOf(await source.read(source.size - tailBytes, tailBytes));
  let end = tail.byteLength - END_BYTES;
  while (end >= 0 && tail.getUint32(end, true) !== END_RECORD) end--;
  if (end < 0) throw bad(source, "it has no end record: not a zip archive, or truncated");
  const directoryBytes = tail.getUint32(end + 12, true);
  const directoryStart = tail.getUint32(end + 16, true);
  if (directoryStart === 0xffffffff) throw bad(source, "it is a zip64 archive, which is not supported");
  if (directoryStart + directoryBytes > source.size) throw bad(source, "its directory lies outside the archive");
  const directory = viewOf(await source.read(directoryStart, directoryBytes));
  for (let at = 0; at + 46 <= directoryBytes; ) {
    if (directory.getUint32(at, true) !== DIRECTORY_ENTRY) throw bad(source, "its directory is damaged");
    const nameBytes = directory.getUint16(at + 28, true);
    const next = at + 46 + nameBytes + directory.getUint16(at + 30, true) + directory.getUint16(at + 32, true);
    if (next > directoryBytes) throw bad(source, "its directory is damaged");
    const name = new TextDecoder().decode(new Uint8Array(directory.buffer, directory.byteOffset + at + 46, nameBytes));
    if (matches(name)) return locate(source, directory, at, name);
    at = next;
  }
  throw bad(source, "it does not hold the file that was looked for");
}

/** The data follows the local header, whose extra field may differ from the directory's. */
async function locate(source: ByteSource, directory: DataView, at: number, name: string): Promise<ZipEntry> {
  const code = directory.getUint16(at + 10, true);
  if (code !== 0 && code !== 8) throw bad(source, `${name} is compressed by method ${code}, which is not supported`);
  const compressedBytes = directory.getUint32(at + 20, true);
  const headerStart = directory.getUint32(at + 42, true);
  const header = viewOf(await source.read(headerStart, 30));
  if (header.getUint32(0, true) !== LOCAL_HEADER) throw bad(source, `${name} is not where the directory says`);
  const offset = headerStart + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  if (offset + compressedBytes > source.size) throw bad(source, `${name} reaches past the end of the archive`);
  const bytes = directory.getUint32(at + 24, true);
  return { name, offset, compressedBytes, bytes, method: code === 0 ? "stored" : "deflated" };
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const bad = (source: ByteSource, what: string) => new OutriderError("bad_zip", `${source.name}: ${what}`);
