/** Prints the demonstration: commands as a person would type them, what they answered, and how long they took. */
export class Transcript {
  readonly #out: (text: string) => void;
  readonly #now: () => number;

  constructor(out: (text: string) => void = text => process.stdout.write(text), now = () => performance.now()) {
    this.#out = out;
    this.#now = now;
  }

  say(text: string): void {
    this.#out(`\n# ${text}\n`);
  }

  /** Prints the command, runs `work`, prints what `show` makes of the result, and the time. Returns the result. */
  async step<Result>(
    shown: string,
    work: () => Promise<Result>,
    show: (result: Result) => string | undefined = () => undefined,
  ): Promise<Result> {
    this.#out(`$ ${shown}\n`);
    const start = this.#now();
    const result = await work();
    const text = show(result)?.trimEnd();
    if (text) this.#out(`${text.replace(/^/gm, '    ')}\n`);
    this.#out(`    (${duration(this.#now() - start)})\n`);
    return result;
  }
}

/** Milliseconds as people read them: `85 ms`, `3.2 s`, `2 min 5 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
