/** A progress bar on a terminal, a line every tenth of the way elsewhere. Writes to stderr, so that stdout stays for results. */
export interface Progress {
  /** `done` of `total` units so far. */ update(done: number): void;
  /** Finishes the bar; call it also when the work failed. */ end(): void;
}

const WIDTH = 30;
const REDRAW_MS = 100;

/** Starts a bar at `from`. With `unit` "MB" counts are bytes and shown as megabytes. */
export function startProgress(label: string, total: number, unit: "MB" | "" = "", from = 0): Progress {
  const stream = process.stderr;
  const show = (count: number) => (unit === "MB" ? `${(count / 1e6).toFixed(1)} MB` : String(count));
  let drawnAt = Number.NEGATIVE_INFINITY;
  const startedAt = performance.now();
  let tenths = Math.floor((10 * from) / total);
  let done = from;
  /** At the speed so far. */
  const left = (): string => {
    if (done <= from || done >= total) return "";
    const seconds = (((performance.now() - startedAt) / 1000) * (total - done)) / (done - from);
    return `, ${seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`} left`;
  };
  const draw = () => {
    const filled = Math.round((Math.min(done, total) / total) * WIDTH);
    stream.write(
      `\r${label} ${"█".repeat(filled)}${"░".repeat(WIDTH - filled)} ${show(done)} of ${show(total)}${left()}   `,
    );
  };
  return {
    update(now) {
      done = now;
      if (stream.isTTY) {
        if (performance.now() - drawnAt < REDRAW_MS) return;
        drawnAt = performance.now();
        draw();
      } else if (Math.floor((10 * done) / total) > tenths) {
        tenths = Math.floor((10 * done) / total);
        stream.write(`${label}: ${show(done)} of ${show(total)}${left()}\n`);
      }
    },
    end() {
      if (!stream.isTTY) return;
      draw();
      stream.write("\n");
    },
  };
}
