"""
The search for codes in a chain (chains.py): each code adds to its own four columns and to the four behind them, so
neighbouring codes are chosen together, as those of a trellis are (trellis-coded quantisation: Marcellin, Fischer 1990;
of language models: QTIP, Tseng et al. 2024, arXiv 2406.11235). Of all paths that end in one code the best is enough
(Viterbi 1967); the best few of these are followed. Each path makes up by itself for what it has lost so far, as the
columns behind a rounded one do in GPTQ. Most words are too far from what a path wants next to be worth their cost, so a
path looks only at groups of words that may hold a nearer one.

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
GROUP = 32  # words that are near to each other
# How much more than the best the paths of a step may cost, over how much those of the step before did.
SPREAD = np.float32(1.2)
SLACK = np.float32(1e-3)  # of distances, for how they are rounded
FAR = np.float32(1e30)  # more than any path costs


def side_by_side(words: torch.Tensor) -> torch.Tensor:
    """The words (n, 8) in an order where each GROUP of them are near to each other: halved by their widest column."""
    parts = [torch.arange(len(words))]
    while len(parts[0]) > GROUP:
        halves = []
        for part in parts:
            own = words[part, :COLUMNS].cpu()
            column = own[:, own.var(0).argmax()]
            halves += part[column.argsort(stable=True)].chunk(2)
        parts = halves
    return words[torch.cat(parts)]


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
    turned, inverses = (np.zeros((len(starts), wide, wide), np.float32) for _ in range(2))
    looks = List()
    for index, (first, end) in enumerate(zip(starts, ends)):
        whole = min(end + COLUMNS, cols)
        part, size = gram[first:whole, first:whole].double(), whole - first
        upper = torch.linalg.cholesky(part.flip(0, 1)).flip(0, 1)
        turned[index, :size, :size], inverses[index, :size, :size] = array(upper.T), array(torch.linalg.inv(part))
        looks.append(looked_at(array(upper), own))
    return np.array(starts), np.array(ends), turned, inverses, looks


@njit(fastmath=True, cache=True, nogil=True)
def looked_at(factor, words):
    """
    Of each GROUP words (4, n) what they look like behind a factor (cols, cols), upper, and the squares of that: (steps,
    groups, 5, GROUP). The middle of each group, and how far the farthest lies from there: (steps, 5, groups).
    """
    cols, count = len(factor), words.shape[1]
    seen = np.zeros((cols // 4, count // GROUP, 5, GROUP), np.float32)
    middles = np.zeros((cols // 4, 5, count // GROUP), np.float32)
    for step in range(cols // 4):
        first = 4 * step
        for n in range(count):
            g, at = n // GROUP, n % GROUP
            for j in range(4):
                for i in range(j + 1):
                    seen[step, g, j, at] += factor[first + i, first + j] * words[i, n]
                seen[step, g, 4, at] += seen[step, g, j, at] ** 2
                middles[step, j, g] += seen[step, g, j, at] / GROUP
        for n in range(count):
            g, at = n // GROUP, n % GROUP
            far = np.float32(0)
            for j in range(4):
                far += (seen[step, g, j, at] - middles[step, j, g]) ** 2
            middles[step, 4, g] = max(middles[step, 4, g], np.sqrt(far))
    return seen, middles


@njit(fastmath=True, cache=True, nogil=True)
def cheapest_of(costs):
    """The first of the paths that cost least."""
    cheapest = 0
    for path in range(len(costs)):
        if costs[path] < costs[cheapest]:
            cheapest = path
    return cheapest


@njit(fastmath=True, cache=True, nogil=True)
def go_on(step, weight, behind, turned, look, onward, live, side, spread, room):
    """
    Writes what each code costs as the next of the best path to it, where that is no more than `spread` beyond the first
    path's best: to `best` and `origin`, of the groups in `touched`. Returns that limit. The arguments are those of
    `follow`.
    """
    seen, middles = look
    best, origin, far, cost, last, _came, _taken, _left, _at_most, near, touched = room
    # A loop over a size that the compiler knows is unrolled and not made vectors.
    groups, size = best.shape
    first, limit, cheapest = 4 * step, FAR, cheapest_of(cost[side, :live])
    best[:] = FAR
    touched[:] = 0
    for index in range(live):
        # The cheapest path comes first.
        path = cheapest if index == 0 else (0 if index == cheapest else index)
        begun = cost[side, path]
        if begun > limit:
            continue
        there = last[side, path]
        for i in range(4):
            far[side, path, first + i] = weight[first + i]
            if there >= 0:
                far[side, path, first + i] -= onward[i, there]
        y0, y1, y2, y3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for i in range(first + 4):
            e = far[side, path, i]
            y0 += e * turned[first, i]
            y1 += e * turned[first + 1, i]
            y2 += e * turned[first + 2, i]
            y3 += e * turned[first + 3, i]
        base = begun + y0 * y0 + y1 * y1 + y2 * y2 + y3 * y3
        z0, z1, z2, z3 = 2 * y0, 2 * y1, 2 * y2, 2 * y3
        radius = np.sqrt(max(limit - begun, np.float32(0))) + SLACK
        for g in range(groups):
            a, b = y0 - middles[step, 0, g], y1 - middles[step, 1, g]
            c, d = y2 - middles[step, 2, g], y3 - middles[step, 3, g]
            reach = middles[step, 4, g] + radius
            near[g] = a * a + b * b + c * c + d * d <= reach * reach if behind < 0 else g == behind // size
        for g in range(groups):
            if near[g]:
                touched[g] = 1
                for n in range(size):
                    total = base + seen[step, g, 4, n] - z0 * seen[step, g, 0, n] - z1 * seen[step, g, 1, n]
                    total -= z2 * seen[step, g, 2, n] + z3 * seen[step, g, 3, n]
                    better = total < best[g, n]
                    best[g, n] = total if better else best[g, n]
                    origin[g, n] = path if better else origin[g, n]
        if index == 0 and behind < 0 and spread < FAR:
            limit = best.min() + spread
    return limit


@njit(fastmath=True, cache=True, nogil=True)
def follow(weight, before, behind, turned, look, words, onward, beam, room, codes):
    """
    Writes the codes of one row of a window. before: the code before it, or -1. behind: the code of its last four
    columns, where that one stays; or -1. turned: the factor's transpose, lower.
    """
    best, origin, far, cost, last, came, taken, left, at_most, _near, touched = room
    groups, size = best.shape
    steps = len(weight) // 4
    live, side, spread = 1, 0, FAR
    cost[0, 0], last[0, 0] = 0, before
    for step in range(steps):
        first, few, least = 4 * step, 0, FAR
        stays = behind if step == steps - 1 else -1
        while few == 0:
            limit = go_on(step, weight, stays, turned, look, onward, live, side, spread, room)
            for g in range(groups):
                if touched[g]:
                    for n in range(size):
                        if best[g, n] <= limit and best[g, n] < FAR and stays in (-1, g * size + n):
                            left[few], at_most[few] = g * size + n, best[g, n]
                            least = min(least, best[g, n])
                            few += 1
            if few < beam and stays < 0:
                few, spread = 0, (4 * spread if spread > 0 else FAR)
        limit = np.partition(at_most[:few], beam - 1)[beam - 1] if beam < few else FAR
        # Of those that cost just as much as the last that is kept, as many as there is room for.
        ties = beam
        for index in range(few):
            ties -= at_most[index] < limit
        kept, other = 0, 1 - side
        for index in range(few):
            n, one = left[index], at_most[index]
            is_tie = one == limit
            ties -= is_tie
            if one < limit or (is_tie and ties >= 0):
                path = origin[n // size, n % size]
                came[step, kept], taken[step, kept] = path, n
                cost[other, kept], last[other, kept] = one - least, n
                for i in range(first + 4):
                    far[other, kept, i] = far[side, path, i]
                for i in range(4):
                    far[other, kept, first + i] -= words[i, n]
                kept += 1
        live, side = kept, other
        spread = SPREAD * (cost[side, :live].max() if live == beam else FAR)
    path = cheapest_of(cost[side, :live])
    for step in range(steps - 1, -1, -1):
        codes[step] = taken[step, path]
        path = came[step, path]


@njit(cache=True, nogil=True)
def room_of(cols, count, beam):
    """What `follow` writes to. far: (2, paths, cols), what paths have lost, here and after the step; and so on."""
    return (
        np.empty((count // GROUP, GROUP), np.float32),
        np.empty((count // GROUP, GROUP), np.int32),
        np.zeros((2, beam, cols), np.float32),
        np.zeros((2, beam), np.float32),
        np.zeros((2, beam), np.int32),
        np.zeros((cols // 4, beam), np.int32),
        np.zeros((cols // 4, beam), np.int32),
        np.empty(count, np.int32),
        np.empty(count, np.float32),
        np.empty(count // GROUP, np.uint8),
        np.empty(count // GROUP, np.uint8),
    )


@njit(fastmath=True, cache=True, nogil=True)
def search(weight, before, factor, words, onward, beam, codes):
    """
    weight: (rows, cols), over the scale. before: (rows), the code before or -1. factor: (cols, cols), upper.
    words, onward: (4, n). codes: (rows, cols / 4), written.
    """
    rows, cols = weight.shape
    look, turned = looked_at(factor, words), factor.T.copy()
    room = room_of(cols, words.shape[1], beam)
    for row in range(rows):
        follow(weight[row], before[row], -1, turned, look, words, onward, beam, room, codes[row])


@njit(fastmath=True, cache=True, nogil=True)
def value(words, onward, codes, col):
    """What a row's codes (cols / 4) stand for in one column, before its scale."""
    there = words[col % 4, codes[col // 4]]
    return there + onward[col % 4, codes[col // 4 - 1]] if col >= 4 else there


@njit(fastmath=True, cache=True, nogil=True)
def sweep(weight, scales, words, onward, turned, inverses, starts, ends, looks, gram, metric, beam, far, codes):
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
            follow(target[:n], before, behind, turned[w, :n, :n], looks[w], words, onward, beam, room, found)
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
