/** Zip archives, byte by byte. */
import { deflateRawSync } from "node:zlib";

export interface Member {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflate: boolean;
}

/** An archive as Python's zipfile lays it out; local extra fields differ from the directory's, as they may. */
export function zip(members: readonly Member[], comment = ""): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  const put = (bytes: Uint8Array) => {
    parts.push(bytes);
    at += bytes.length;
  };
  for (const { name, data, deflate } of members) {
    const packed = deflate ? deflateRawSync(data) : data;
    const encoded = new TextEncoder().encode(name);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(deflate ? 8 : 0, 4);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(encoded.length, 22);
    const entry = Buffer.concat([Buffer.from("PK\x01\x02\x14\0"), fields, Buffer.alloc(14), encoded]);
    entry.writeUInt32LE(at, 42);
    directory.push(entry);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, encoded, Buffer.alloc(9)]);
    local.writeUInt16LE(9, 28);
    put(local);
    put(packed);
  }
  const start = at;
  for (const entry of directory) put(entry);
  const end = Buffer.alloc(22 + comment.length);
  end.write("PK\x05\x06");
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(at - start, 12);
  end.writeUInt32LE(start, 16);
  end.writeUInt16LE(comment.length, 20);
  end.write(comment, 22);
  put(end);
  return new Uint8Array(Buffer.concat(parts));
}
