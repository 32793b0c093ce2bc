/**
 * The error that every operation throws to answer a client: EC2's code and a message that says what to do.
 * Anything else thrown is a bug and is answered as `InternalError`.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  /** What the error's shape has besides the message, in services that speak JSON: `Reason`. */
  readonly members: Readonly<Record<string, string>>;
  constructor(
    code: string,
    message: string,
    status: number = statusOf(code),
    members: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.members = members;
    this.name = 'ApiError';
    this.code = code;
    this.status = status;
  }
}

const statuses: Readonly<Record<string, number>> = {
  AuthFailure: 401,
  DryRunOperation: 412,
  UnauthorizedOperation: 403,
  AccessDenied: 403,
  AccessDeniedException: 403,
  InvalidClientTokenId: 403,
  SignatureDoesNotMatch: 403,
  MissingAuthenticationToken: 403,
  IncompleteSignature: 403,
  ExpiredToken: 403,
  InternalError: 500,
  InternalFailure: 500,
  InsufficientAddressCapacity: 500,
  InsufficientCapacity: 500,
  InsufficientInstanceCapacity: 500,
  InsufficientVolumeCapacity: 500,
  RequestLimitExceeded: 503,
  ServiceUnavailable: 503,
  Unavailable: 503,
};

/** HTTP status of an error code; 400 for every code that names no other. */
export function statusOf(code: string): number {
  return statuses[code] ?? 400;
}
