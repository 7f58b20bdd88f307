import { expect, test } from "vitest";
import { bf16ToNumber, f16ToNumber, numberToBf16, numberToF16 } from "../../src/core/model/f16.ts";
import { seeded } from "../support/random.ts";

/** IEEE 754 binary16 by its definition. */
function byDefinition(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

test("all 65536 binary16 values are what the standard says, and survive the way back", () => {
  for (let bits = 0; bits < 65536; bits++) {
    const value = f16ToNumber(bits);
    expect(Object.is(value, byDefinition(bits))).toBe(true);
    if (!Number.isNaN(value)) expect(numberToF16(value)).toBe(bits);
  }
});

test("between two binary16 values the nearer is taken, the even one in the middle", () => {
  for (let bits = 0; bits < 0x7bff; bits += 7) {
    const [low, high] = [byDefinition(bits), byDefinition(bits + 1)];
    const middle = (low + high) / 2;
    expect(numberToF16(middle)).toBe(bits % 2 === 0 ? bits : bits + 1);
    expect(numberToF16(middle - (high - low) / 8)).toBe(bits);
    expect(numberToF16(-middle - (high - low) / 8)).toBe(0x8000 | (bits + 1));
  }
  expect(f16ToNumber(numberToF16(65520))).toBe(Number.POSITIVE_INFINITY);
  expect(f16ToNumber(numberToF16(65519))).toBe(65504);
});

test("numbers become what the runtime's own half-precision array holds", () => {
  const random = seeded(16);
  const half = new Float16Array(1);
  const bits = new Uint16Array(half.buffer);
  for (let n = 0; n < 20_000; n++) {
    const value = (random() - 0.5) * 2 ** Math.floor(random() * 48 - 28);
    half[0] = value;
    expect(numberToF16(value)).toBe(bits[0]);
  }
});

test("bfloat16 is the upper half of an f32", () => {
  for (const value of [0, -0, 1, -2.5, 1.5 * 2 ** 100, 2 ** -126, Number.NEGATIVE_INFINITY]) {
    const f32 = new Uint32Array(Float32Array.of(value).buffer)[0]!;
    expect(Object.is(bf16ToNumber(f32 >>> 16), value)).toBe(true);
  }
});

test("numbers become the nearest bfloat16, ties to even", () => {
  for (const bits of [0, 1, 0x3f80, 0x3f81, 0x7f7e, 0xbf81]) {
    const [low, high] = [bf16ToNumber(bits), bf16ToNumber(bits + 1)];
    expect(numberToBf16(low)).toBe(bits);
    expect(numberToBf16((low + high) / 2)).toBe(bits % 2 === 0 ? bits : bits + 1);
    expect(numberToBf16(low + (high - low) * 0.375)).toBe(bits);
    expect(numberToBf16(low + (high - low) * 0.625)).toBe(bits + 1);
  }
  expect(bf16ToNumber(numberToBf16(3.4e38))).toBe(Number.POSITIVE_INFINITY);
  expect(bf16ToNumber(numberToBf16(Number.NaN))).toBeNaN();
});
