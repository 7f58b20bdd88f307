/** Asks the DevTools inspector of a running Worker what its isolate keeps alive. */
import { WebSocket } from "ws";

export interface IsolateMemory {
  /** JS objects and code. */
  readonly heapBytes: number;
  /** ArrayBuffers; WASM memories are not counted by V8 here. */
  readonly bufferBytes: number;
}

/** @param poke any request to the Worker: its isolate collects garbage when it is asked to and next has work */
export async function isolateMemory(inspectorPort: number, poke: () => Promise<unknown>): Promise<IsolateMemory> {
  const targets = (await (await fetch(`http://127.0.0.1:${inspectorPort}/json`)).json()) as {
    webSocketDebuggerUrl: string;
  }[];
  const [first] = targets;
  if (!first) throw new Error("the inspector lists no isolate");
  const socket = new WebSocket(first.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  try {
    const collected = call(socket, 1, "HeapProfiler.collectGarbage");
    await poke();
    await collected;
    const usage = await call(socket, 2, "Runtime.getHeapUsage");
    return { heapBytes: usage.usedSize as number, bufferBytes: usage.backingStorageSize as number };
  } finally {
    socket.close();
  }
}

function call(socket: WebSocket, id: number, method: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const listen = (data: Buffer): void => {
      const message = JSON.parse(data.toString()) as { id?: number; result?: Record<string, unknown>; error?: unknown };
      if (message.id !== id) return;
      socket.off("message", listen);
      if (message.result) resolve(message.result);
      else reject(new Error(`${method}: ${JSON.stringify(message.error)}`));
    };
    socket.on("message", listen);
    socket.send(JSON.stringify({ id, method }));
  });
}
