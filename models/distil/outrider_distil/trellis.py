"""
The search for codes in a chain (chains.py): each code adds to its own four columns and to the four behind them, so
neighbouring codes are chosen together, as those of a trellis are (trellis-coded quantisation: Marcellin, Fischer 1990;
of language models: QTIP, Tseng et al. 2024, arXiv 2406.11235). Of all paths that end in one code the best is enough
(Viterbi 1967); the best few of these are followed. Each path makes up by itself for what it has lost so far, as the
columns behind a rounded one do in GPTQ.

Numba compiles the loops, and they run on the processor, whatever device the matrix is on.
"""

import numpy as np
import torch
from numba import njit
from numba.typed import List

from .arrays import array
from .beside import beside
from .descent import begin

COLUMNS = 4  # of a code
# Paths that are followed, by how many codes there are.
PATHS = {256: 48, 4096: 32}
WINDOW = 64  # columns whose codes are decided at once
AHEAD = 16  # columns behind them that are looked at for it
SWEPT = 64  # columns whose codes a sweep looks at together
FAR = np.float32(1e30)  # more than any path costs


def spelled(words: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """(rows, cols): what codes (rows, cols / 4) stand for, where words are (n, 8)."""
    own = words[codes, :COLUMNS]
    own[:, 1:] += words[codes[:, :-1], COLUMNS:]
    return own.flatten(1)


def chosen(weight: torch.Tensor, words: torch.Tensor, factor: torch.Tensor | None = None) -> torch.Tensor:
    """
    (rows, cols / 4): codes of a matrix over its scales. words: (n, 8). factor: the upper Cholesky factor of the inverse
    of a Gram matrix, by which columns make up for those before them (gptq.py); None: they do not.
    """
    weight = weight.float().cpu().clone()
    rows, cols = weight.shape
    words = words.cpu()
    own, onward = (array(part.T) for part in words.split(COLUMNS, 1))
    codes, before = np.zeros((rows, cols // COLUMNS), np.int32), np.full(rows, -1, np.int32)
    for first in range(0, cols, WINDOW):
        end, seen = min(first + WINDOW, cols), min(first + WINDOW + AHEAD, cols)
        inverse = torch.eye(seen - first) if factor is None else torch.linalg.inv(factor[first:seen, first:seen])
        found = decided(array(weight[:, first:seen]), before, array(inverse), own, onward)
        found = found[:, : (end - first) // COLUMNS]
        if factor is not None and end < cols:
            given = spelled(words, torch.from_numpy(found).long())
            given[:, :COLUMNS] += torch.from_numpy(np.where(before[:, None] >= 0, onward.T[before], 0))
            missing = (weight[:, first:end] - given) @ torch.linalg.inv(factor[first:end, first:end]).cpu()
            weight[:, end:] -= missing @ factor[first:end, end:].cpu()
        codes[:, first // COLUMNS : end // COLUMNS] = found
        before = found[:, -1].copy()
    return torch.from_numpy(codes).long()


def decided(window: np.ndarray, before: np.ndarray, factor: np.ndarray, own: np.ndarray, onward: np.ndarray):
    """As `search`, rows side by side. Returns the codes."""
    rows, cols = window.shape
    codes = np.zeros((rows, cols // COLUMNS), np.int32)
    step = -(-rows // torch.get_num_threads())
    parts = (slice(at, at + step) for at in range(0, rows, step))
    paths = PATHS[own.shape[1]]
    beside(lambda part: search(window[part], before[part], factor, own, onward, paths, codes[part]), parts)
    return codes


def windows(gram: torch.Tensor, words: torch.Tensor, turn: int) -> tuple:
    """
    What `sweep` has of all windows, which lie half a window further in every other turn. gram: (cols, cols). words:
    (n, 8).
    """
    cols, own = len(gram), array(words[:, :COLUMNS].T)
    starts = sorted({0, *range(SWEPT // 2 if turn % 2 else 0, cols, SWEPT)})
    ends = [*starts[1:], cols]
    wide = SWEPT + COLUMNS
    factors, inverses = (np.zeros((len(starts), wide, wide), np.float32) for _ in range(2))
    looks = List()
    for index, (first, end) in enumerate(zip(starts, ends)):
        whole = min(end + COLUMNS, cols)
        part, size = gram[first:whole, first:whole].double(), whole - first
        upper = torch.linalg.cholesky(part.flip(0, 1)).flip(0, 1)
        factors[index, :size, :size], inverses[index, :size, :size] = array(upper), array(torch.linalg.inv(part))
        looks.append(looked_at(factors[index, :size, :size].copy(), own))
    return np.array(starts), np.array(ends), factors, inverses, looks


@njit(fastmath=True, cache=True, nogil=True)
def looked_at(factor, words):
    """What words (4, n) look like behind a factor (cols, cols), upper: (steps, 4, n); and their squares (steps, n)."""
    cols, count = len(factor), words.shape[1]
    seen = np.zeros((cols // 4, 4, count), np.float32)
    squares = np.zeros((cols // 4, count), np.float32)
    for step in range(cols // 4):
        first = 4 * step
        for j in range(4):
            for i in range(j + 1):
                share = factor[first + i, first + j]
                for n in range(count):
                    seen[step, j, n] += share * words[i, n]
            for n in range(count):
                squares[step, n] += seen[step, j, n] * seen[step, j, n]
    return seen, squares


@njit(fastmath=True, cache=True, nogil=True)
def bound(costs, beam):
    """Not less than the cost of the best `beam` codes: that of as many codes of different groups, where there are."""
    groups = len(costs) // 16
    if groups < beam:
        return np.partition(costs, beam - 1)[beam - 1]
    least = np.empty(groups, np.float32)
    for group in range(groups):
        least[group] = costs[16 * group : 16 * group + 16].min()
    return np.partition(least, beam - 1)[beam - 1]


@njit(fastmath=True, cache=True, nogil=True)
def follow(weight, before, behind, factor, look, words, onward, beam, room, codes):
    """
    Writes the codes of one row of a window. before: the code before it, or -1. behind: the code of its last four
    columns, where that one stays; or -1.
    """
    seen, squares = look
    best, origin, far, cost, last, came, taken, own, sums, left, at_most, totals = room
    count, steps = words.shape[1], len(weight) // 4
    live, side = 1, 0
    cost[0, 0], last[0, 0] = 0, before
    first_sums = sums[:16]
    for step in range(steps):
        first, limit = 4 * step, FAR
        s0, s1, s2, s3 = seen[step, 0], seen[step, 1], seen[step, 2], seen[step, 3]
        square = squares[step]
        best[:] = FAR
        # The cheapest path comes first; no path goes on beyond what as many codes as are followed cost already.
        order = np.argsort(cost[side, :live])
        for index in range(live):
            path = order[index]
            if cost[side, path] > limit:
                continue
            there = last[side, path]
            for i in range(4):
                own[path, i] = weight[first + i]
                if there >= 0:
                    own[path, i] -= onward[i, there]
            y0, y1, y2, y3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for i in range(first):
                e = far[side, path, i]
                y0 += e * factor[i, first]
                y1 += e * factor[i, first + 1]
                y2 += e * factor[i, first + 2]
                y3 += e * factor[i, first + 3]
            for i in range(4):
                e = own[path, i]
                y0 += e * factor[first + i, first]
                y1 += e * factor[first + i, first + 1]
                y2 += e * factor[first + i, first + 2]
                y3 += e * factor[first + i, first + 3]
            base = cost[side, path] + y0 * y0 + y1 * y1 + y2 * y2 + y3 * y3
            y0, y1, y2, y3 = 2 * y0, 2 * y1, 2 * y2, 2 * y3
            if step == steps - 1 and behind >= 0:
                n = behind
                total = base + square[n] - y0 * s0[n] - y1 * s1[n] - y2 * s2[n] - y3 * s3[n]
                if total < best[n]:
                    best[n], origin[n] = total, path
                continue
            # A word is a sum of entries, and so is its product: of each digit the product, less that of the first word.
            digits, unit = 0, 1
            while unit < count:
                for n in range(16):
                    at = n * unit
                    sums[16 * digits + n] = y0 * s0[at] + y1 * s1[at] + y2 * s2[at] + y3 * s3[at]
                digits, unit = digits + 1, 16 * unit
            zero = sums[0]
            for group in range(count // 16):
                others = base - (sums[16 + group % 16] - zero)
                if digits == 3:
                    others -= sums[32 + group // 16] - zero
                for n in range(16):
                    totals[16 * group + n] = others + square[16 * group + n] - first_sums[n]
            for n in range(count):
                better = totals[n] < best[n]
                best[n] = totals[n] if better else best[n]
                origin[n] = path if better else origin[n]
            if index == 0 and live > 1:
                limit = bound(best, beam)
        # Few codes are left, of which the best are kept.
        few = 0
        for n in range(count):
            if best[n] <= limit and best[n] < FAR:
                left[few], at_most[few] = n, best[n]
                few += 1
        limit = np.partition(at_most[:few], beam - 1)[beam - 1] if beam < few else FAR
        least_cost = at_most[:few].min()
        kept, other = 0, 1 - side
        # Of those that cost just as much as the last, as many as there is room for.
        ties = beam - (at_most[:few] < limit).sum()
        for index in range(few):
            n = left[index]
            is_tie = best[n] == limit
            ties -= is_tie
            if best[n] < limit or (is_tie and ties >= 0):
                path = origin[n]
                came[step, kept], taken[step, kept] = path, n
                cost[other, kept], last[other, kept] = best[n] - least_cost, n
                for i in range(first):
                    far[other, kept, i] = far[side, path, i]
                for i in range(4):
                    far[other, kept, first + i] = own[path, i] - words[i, n]
                kept += 1
        live, side = kept, other
    path = 0
    for other in range(live):
        if cost[side, other] < cost[side, path]:
            path = other
    for step in range(steps - 1, -1, -1):
        codes[step] = taken[step, path]
        path = came[step, path]


@njit(cache=True, nogil=True)
def room_of(cols, count, beam):
    """What `follow` writes to. far: (2, paths, cols), what paths have lost, here and after the step; and so on."""
    return (
        np.empty(count, np.float32),
        np.empty(count, np.int32),
        np.zeros((2, beam, cols), np.float32),
        np.zeros((2, beam), np.float32),
        np.zeros((2, beam), np.int32),
        np.zeros((cols // 4, beam), np.int32),
        np.zeros((cols // 4, beam), np.int32),
        np.zeros((beam, 4), np.float32),
        np.zeros(48, np.float32),
        np.empty(count, np.int32),
        np.empty(count, np.float32),
        np.empty(count, np.float32),
    )


@njit(fastmath=True, cache=True, nogil=True)
def search(weight, before, factor, words, onward, beam, codes):
    """
    weight: (rows, cols), over the scale. before: (rows), the code before or -1. factor: (cols, cols), upper.
    words, onward: (4, n). codes: (rows, cols / 4), written.
    """
    rows, cols = weight.shape
    look = looked_at(factor, words)
    room = room_of(cols, words.shape[1], beam)
    for row in range(rows):
        follow(weight[row], before[row], -1, factor, look, words, onward, beam, room, codes[row])


@njit(fastmath=True, cache=True, nogil=True)
def value(words, onward, codes, col):
    """What a row's codes (cols / 4) stand for in one column, before its scale."""
    there = words[col % 4, codes[col // 4]]
    return there + onward[col % 4, codes[col // 4 - 1]] if col >= 4 else there


@njit(fastmath=True, cache=True, nogil=True)
def sweep(weight, scales, words, onward, factors, inverses, starts, ends, looks, gram, metric, beam, far, codes):
    """
    Looks at windows of each row again, where all others stay. Window w has the columns starts[w] to ends[w]; what
    its last code adds behind them counts too. Changes far (rows, cols) and codes (rows, cols / 4), as the sweeps of
    descent.py do.
    """
    rows, cols = weight.shape
    slope, lacking = gram[0].copy(), far[0].copy()
    widest = 0
    for w in range(len(starts)):
        widest = max(widest, ends[w] - starts[w] + 4)
    room = room_of(widest, words.shape[1], beam)
    target, change = np.zeros(widest, np.float32), np.zeros(widest, np.float32)
    found = np.zeros(widest // 4, np.int32)
    for row in range(rows):
        begin(row, far, gram, metric, lacking, slope)
        scale = scales[row]
        for w in range(len(starts)):
            first, end = starts[w], ends[w]
            whole = min(end + 4, cols)
            n = whole - first
            before = codes[row, first // 4 - 1] if first > 0 else -1
            behind = codes[row, end // 4] if end < cols else -1
            for k in range(n):
                at = first + k
                target[k] = value(words, onward, codes[row], at)
                for other in range(n):
                    target[k] += slope[first + other] * inverses[w, other, k] / scale
            follow(target[:n], before, behind, factors[w, :n, :n], looks[w], words, onward, beam, room, found)
            # What the weight gains, column by column.
            for k in range(n):
                at = first + k
                one = words[at % 4, codes[row, at // 4]] - words[at % 4, found[k // 4]]
                if k >= 4:
                    one += onward[at % 4, codes[row, at // 4 - 1]] - onward[at % 4, found[k // 4 - 1]]
                change[k] = scale * one
            gain = np.float32(0)
            for k in range(n):
                inner = np.float32(0)
                for other in range(n):
                    inner += change[other] * gram[first + other, first + k]
                gain += change[k] * (inner + 2 * slope[first + k])
            if gain < 0:
                for step in range((end - first) // 4):
                    codes[row, first // 4 + step] = found[step]
                for k in range(n):
                    if change[k] != 0:
                        for other in range(cols):
                            slope[other] += change[k] * gram[first + k, other]
        for col in range(cols):
            far[row, col] = weight[row, col] - scale * value(words, onward, codes[row], col)
