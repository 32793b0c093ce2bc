/** Shows how long work gets on: one line that is rewritten on a terminal, one line a stage elsewhere. */
export interface ProgressPrinter {
  /** `fraction` from 0 to 1 where it is known. */
  readonly report: (line: string, fraction?: number) => void;
  /** Ends the line that is being rewritten. */
  readonly end: () => void;
}

interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Prints to stderr, since stdout is for results. */
export function progressPrinter(
  output: Output = process.stderr,
  now: () => number = () => performance.now(),
): ProgressPrinter {
  const start = now();
  let stage: string | undefined;
  let shownAt = Number.NEGATIVE_INFINITY;
  let shownFraction = 0;

  const describe = (line: string, fraction: number | undefined): string => {
    const seconds = ((now() - start) / 1000).toFixed(1).padStart(6);
    const percent = fraction === undefined ? '' : ` ${Math.floor(Math.min(1, Math.max(0, fraction)) * 100)} %`;
    return `[${seconds} s] ${line}${percent}`;
  };

  return {
    report(line, fraction) {
      const newStage = line !== stage;
      // In a log, a tenth is news; on a terminal, ten pictures a second are enough.
      const due = output.isTTY ? now() - shownAt >= 100 : fraction !== undefined && fraction - shownFraction >= 0.1;
      if (!newStage && !due) return;
      const text = describe(line, fraction);
      if (output.isTTY) {
        if (newStage && stage !== undefined) output.write('\n');
        output.write(`\r${text.slice(0, (output.columns ?? 80) - 1)}\x1b[K`);
      } else output.write(`${text}\n`);
      stage = line;
      shownAt = now();
      shownFraction = fraction ?? 0;
    },
    end() {
      if (output.isTTY && stage !== undefined) output.write('\n');
      stage = undefined;
    },
  };
}
