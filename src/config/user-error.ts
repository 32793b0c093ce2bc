/**
 * What the user can mend: a wrong flag, a missing package, a port that is taken. Commands print the message (and the
 * hint, which says what to do) without a stack trace and exit with `exitCode`.
 */
export class UserError extends Error {
  readonly hint: string | undefined;
  /** 2 for a wrong command line, as is the custom; 1 for everything else. */
  readonly exitCode: number;
  constructor(message: string, hint?: string, options: ErrorOptions & { exitCode?: number } = {}) {
    super(message, options);
    this.name = 'UserError';
    this.hint = hint;
    this.exitCode = options.exitCode ?? 1;
  }
}

/** A command line that cannot be understood. */
export function usageError(message: string, hint?: string): UserError {
  return new UserError(message, hint, { exitCode: 2 });
}
