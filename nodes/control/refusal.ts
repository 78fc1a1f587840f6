/** What control answers instead of doing it: the status for HTTP, a word for programs, a sentence for people. */
export type RefusalCode =
  | 'invalid'
  | 'unauthorized'
  | 'forbidden'
  | 'unknown'
  | 'conflict'
  | 'too-large'
  | 'origin-unreachable'
  | 'no-such-file'
  | 'not-ready';

const statuses: Record<RefusalCode, number> = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  unknown: 404,
  conflict: 409,
  'too-large': 413,
  'no-such-file': 422,
  'origin-unreachable': 502,
  'not-ready': 503,
};

export class Refused extends Error {
  override name = 'Refused';
  readonly code: RefusalCode;
  /** Where in what was sent, such as `distribution.speedMax`. */
  readonly path: string | undefined;

  constructor(code: RefusalCode, message: string, path?: string) {
    super(message);
    this.code = code;
    this.path = path;
  }

  get status(): number {
    return statuses[this.code];
  }
}
