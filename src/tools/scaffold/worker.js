// The whole edge. To add routes of your own, export a Worker that calls `fetch` of the default one.
export { default, Meter, Session } from "outrider/edge";
