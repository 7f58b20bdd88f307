/** A Worker of somebody who installed the package. */
import worker, { createEdge, type EdgeSettings, Session } from "outrider/edge";

const settings: EdgeSettings = { PREFER: "time", ORIGIN_URL: "https://origin.example.com" };
const edge = createEdge(settings);

export default edge.worker;

class Own extends edge.Session {}

export { Own as Session, Session as Plain, worker };

// @ts-expect-error: no such setting
createEdge({ PREFERS: "time" });
