"""Golden layers for test/methods: each method in numpy, float64, from the formulas of its paper.

    python test/golden/make_layers.py

Writes layers.json beside this file. Inputs are not in it: both sides draw them from mulberry32, with sums and products
alone, so that they are the same to the last bit. Of the weights that a method makes only every eighth row is kept; the
error of the whole layer stands for the rest, and masks are whole.

SparseGPT here uses the upper Cholesky factor of the inverse, as the paper does, and no lazy updates.
"""

import base64
import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent
ROWS, COLS, TOKENS = 48, 160, 400
BLOCK = 128


def mulberry32(seed):
    state = seed

    def draw():
        nonlocal state
        state = (state + 0x6D2B79F5) & 0xFFFFFFFF
        t = state
        t = ((t ^ (t >> 15)) * (t | 1)) & 0xFFFFFFFF
        t ^= (t + (((t ^ (t >> 7)) * (t | 61)) & 0xFFFFFFFF)) & 0xFFFFFFFF
        return (t ^ (t >> 14)) / 4294967296

    return draw


def layer():
    """Weights, correlated inputs of different sizes (one always zero), and sensitivities."""
    draw = mulberry32(2024)

    def bell():
        return draw() + draw() + draw() - 1.5

    weights = np.array([bell() for _ in range(ROWS * COLS)]).astype(np.float32).reshape(ROWS, COLS)
    size = [draw() * draw() * 4 + 0.1 for _ in range(COLS)]
    inputs = np.zeros((TOKENS, COLS))
    for t in range(TOKENS):
        last = 0.0
        for k in range(COLS):
            last = 0.8 * last + bell()
            inputs[t, k] = 0.0 if k == 37 else last * size[k]
    fisher = np.array([draw() * draw() * draw() * draw() for _ in range(ROWS * COLS)]).astype(np.float32)
    return weights, inputs, fisher.reshape(ROWS, COLS)


def threshold(scores, sparsity):
    return scores > np.sort(scores, axis=None)[int(scores.size * sparsity)]


def drop_least(scores, count):
    """Per row."""
    kept = np.ones(scores.shape, bool)
    np.put_along_axis(kept, np.argsort(scores, axis=1, kind="stable")[:, :count], False, axis=1)
    return kept


def n_of_m(scores, zeros, of):
    return np.concatenate([drop_least(scores[:, k : k + of], zeros) for k in range(0, scores.shape[1], of)], axis=1)


def solve(weights, hessian, pattern):
    """Algorithm 1 of SparseGPT."""
    w = weights.astype(np.float64)
    h = hessian.copy()
    dead = np.diag(h) == 0
    h[dead, dead] = 1
    w[:, dead] = 0
    h += 0.01 * np.mean(np.diag(h)) * np.eye(COLS)
    upper = np.linalg.cholesky(np.linalg.inv(h)).T
    kept = np.ones(w.shape, bool)
    error = 0.0
    for k in range(COLS):
        if k % pattern[0] == 0:
            to = min(k + pattern[0], COLS)
            kept[:, k:to] = pattern[1](np.abs(w[:, k:to]) / np.diag(upper)[k:to])
        settled = np.where(kept[:, k], w[:, k], 0)
        e = (w[:, k] - settled) / upper[k, k]
        error += (e**2).sum()
        w[:, k] = settled
        w[:, k + 1 :] -= np.outer(e, upper[k, k + 1 :])
    return w, kept, error


def means(values, weights, levels):
    """Exact weighted k-means of sorted values, every split tried: the least error there is."""
    at = np.argsort(values, kind="stable")
    v, f = values[at].astype(np.float64), weights[at].astype(np.float64)
    n = len(v)
    m, s, q = (np.concatenate([[0], np.cumsum(x)]) for x in (f, f * v, f * v * v))
    with np.errstate(all="ignore"):
        runs = q[None, :] - q[:, None] - np.nan_to_num((s[None, :] - s[:, None]) ** 2 / (m[None, :] - m[:, None]))
    runs[np.tril_indices(n + 1, -1)] = np.inf
    least = runs[0]
    for _ in range(levels - 1):
        least = (least[:, None] + runs).min(axis=0)
    return float(least[n])


def encode(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def result(weights, kept, error=None):
    sample = encode(weights[::8].astype(np.float32))
    found = {"kept": encode(np.packbits(np.ascontiguousarray(kept), axis=None)), "weights": sample}
    return found if error is None else {**found, "error": float(error)}


def main():
    weights, inputs, fisher = layer()
    w = weights.astype(np.float64)
    hessian = 2 / TOKENS * inputs.T @ inputs
    norms = np.sqrt((inputs**2).sum(axis=0))
    golden = {}
    patterns = {
        "matrix 50%": (BLOCK, lambda s: threshold(s, 0.5)),
        "row 60%": (BLOCK, lambda s: drop_least(s, int(s.shape[1] * 0.6))),
        "2:4": (4, lambda s: n_of_m(s, 2, 4)),
        "4:8": (8, lambda s: n_of_m(s, 4, 8)),
    }
    for name, pattern in patterns.items():
        for method, scores in (("magnitude", np.abs(w)), ("wanda", np.abs(w) * norms)):
            kept = pattern[1](scores)
            golden[f"{method} {name}"] = {"kept": encode(np.packbits(kept, axis=None))}
        golden[f"sparsegpt {name}"] = result(*solve(weights, hessian, pattern))
    sensitive, outliers = int(w.size * 0.0005), int(w.size * 0.004)
    sparse = np.zeros(w.size, bool)
    sparse[np.argsort(-fisher, axis=None, kind="stable")[:sensitive]] = True
    rest = np.where(sparse, -1, np.abs(weights).reshape(-1))
    sparse[np.argsort(-rest, kind="stable")[:outliers]] = True
    sparse = sparse.reshape(ROWS, COLS)
    golden["squeezellm"] = {
        "kept": encode(np.packbits(sparse, axis=None)),
        "errors": {
            str(bits): [means(weights[r], np.where(sparse[r], 0, fisher[r]), 2**bits) for r in range(0, ROWS, 8)]
            for bits in (3, 4)
        },
    }

    (HERE / "layers.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
