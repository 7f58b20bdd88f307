/** What accepting a WebSocket takes in the Workers runtime, beside what the edge declares. */

declare class WebSocketPair {
  readonly 0: WebSocket;
  readonly 1: WebSocket;
}

interface ResponseInit {
  webSocket?: WebSocket | null;
}
