/** Where regions are, roughly: near the data centres that hold most of a region's Durable Objects. */
import type { Region } from "../../core/verify/region.ts";

/** Degrees. */
export interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

const CENTRES: Readonly<Record<Region, Point>> = {
  wnam: { latitude: 37, longitude: -121 },
  enam: { latitude: 40, longitude: -77 },
  sam: { latitude: -23, longitude: -47 },
  weur: { latitude: 50, longitude: 4 },
  eeur: { latitude: 51, longitude: 20 },
  apac: { latitude: 22, longitude: 114 },
  "apac-ne": { latitude: 36, longitude: 139 },
  "apac-se": { latitude: 1, longitude: 104 },
  oc: { latitude: -34, longitude: 151 },
  afr: { latitude: -26, longitude: 28 },
  me: { latitude: 25, longitude: 55 },
};

/** The nearest to a point of these, of which there is at least one. */
export const nearestTo = (point: Point, among: readonly Region[]): Region =>
  among.reduce((best, region) => (cosine(point, CENTRES[region]) > cosine(point, CENTRES[best]) ? region : best));

/** How far two regions are apart, as an angle: 0 the same, π opposite ends. */
export const between = (a: Region, b: Region): number =>
  a === b ? 0 : Math.acos(Math.min(1, cosine(CENTRES[a], CENTRES[b])));

/** Cosine of the angle between two points on the globe: larger is nearer. */
function cosine(a: Point, b: Point): number {
  const [lat1, lat2, lon] = [a.latitude, b.latitude, a.longitude - b.longitude].map((d) => (d * Math.PI) / 180);
  return Math.sin(lat1!) * Math.sin(lat2!) + Math.cos(lat1!) * Math.cos(lat2!) * Math.cos(lon!);
}
