/**
 * A progress bar on a terminal, a line every tenth of the way elsewhere. Writes to stderr, so that stdout stays for
 * results.
 */
interface Progress {
  /**
   * Redraws the bar.
   * @param done units of the total so far
   * @param note a word on how it goes
   */
  update(done: number, note?: string): void;
  /** Finishes the bar. Call it also when the work failed. */
  end(): void;
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
  let said = "";
  /** At the speed so far. */
  const left = (): string => {
    if (done <= from || done >= total) return "";
    const seconds = (((performance.now() - startedAt) / 1000) * (total - done)) / (done - from);
    return `, ${seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`} left`;
  };
  const draw = () => {
    const filled = Math.round((Math.min(done, total) / total) * WIDTH);
    const bar = "█".repeat(filled) + "░".repeat(WIDTH - filled);
    stream.write(`\r${label} ${bar} ${show(done)} of ${show(total)}${said}${left()}   `);
  };
  return {
    update(now, note) {
      done = now;
      said = note === undefined ? "" : `, ${note}`;
      if (stream.isTTY) {
        if (performance.now() - drawnAt < REDRAW_MS) return;
        drawnAt = performance.now();
        draw();
      } else if (Math.floor((10 * done) / total) > tenths) {
        tenths = Math.floor((10 * done) / total);
        stream.write(`${label}: ${show(done)} of ${show(total)}${said}${left()}\n`);
      }
    },
    end() {
      if (!stream.isTTY) return;
      draw();
      stream.write("\n");
    },
  };
}
