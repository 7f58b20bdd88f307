/**
 * The skew of InfiniGen: Lee et al. 2024 (arXiv 2406.19707), section 4.2. An orthogonal A leaves q·k as it is,
 * (qA)·(kA) = q·k. With the right singular vectors of the queries as A, few columns carry most of it. They are ordered
 * by what queries and keys have along them, so that the first ones are the partial keys.
 *
 * Queries and keys are those behind RoPE, which stands between the weights and A: A cannot be folded into the weights.
 * Where query heads share a key head, A is of the queries of the whole group. The right singular vectors of Q are the
 * eigenvectors of QᵀQ.
 */

/**
 * The first `channels` columns of A as rows, (channels, D).
 *
 * @param queries (D, D): Σ q qᵀ
 * @param keys (D, D): Σ k kᵀ, of keys without their mean
 */
export function skewOf(queries: Float64Array, keys: Float64Array, channels: number): Float32Array {
  const D = Math.sqrt(queries.length);
  const { values, vectors } = eigen(queries, D);
  const along = (matrix: Float64Array, v: Float64Array): number => {
    let sum = 0;
    for (let i = 0; i < D; i++) for (let j = 0; j < D; j++) sum += v[i]! * matrix[i * D + j]! * v[j]!;
    return sum;
  };
  const ranked = vectors
    .map((vector, n) => ({ vector, weight: Math.sqrt(Math.max(0, values[n]!) * Math.max(0, along(keys, vector))) }))
    .sort((a, b) => b.weight - a.weight);
  const skew = new Float32Array(channels * D);
  for (const [n, { vector }] of ranked.slice(0, channels).entries()) skew.set(vector, n * D);
  return skew;
}

const SWEEPS = 12;

/** Eigenvalues and eigenvectors of a symmetric matrix (n, n), by Jacobi's rotations. */
function eigen(symmetric: Float64Array, n: number): { values: number[]; vectors: Float64Array[] } {
  const a = symmetric.slice();
  const vectors = Array.from({ length: n }, (_, i) => Float64Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) rotate(a, n, p, q, vectors);
    }
  }
  return { values: Array.from({ length: n }, (_, i) => a[i * n + i]!), vectors };
}

/** Makes a[p][q] zero by a rotation of p and q. */
function rotate(a: Float64Array, n: number, p: number, q: number, vectors: Float64Array[]): void {
  const off = a[p * n + q]!;
  if (off === 0) return;
  const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * off);
  const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const cos = 1 / Math.sqrt(t * t + 1);
  const sin = t * cos;
  for (let i = 0; i < n; i++) {
    const ip = a[i * n + p]!;
    const iq = a[i * n + q]!;
    a[i * n + p] = cos * ip - sin * iq;
    a[i * n + q] = sin * ip + cos * iq;
  }
  const rows = [a.subarray(p * n, (p + 1) * n), a.subarray(q * n, (q + 1) * n)] as const;
  for (const [x, y] of [rows, [vectors[p]!, vectors[q]!] as const]) {
    for (let i = 0; i < n; i++) {
      const xi = x[i]!;
      x[i] = cos * xi - sin * y[i]!;
      y[i] = sin * xi + cos * y[i]!;
    }
  }
}
