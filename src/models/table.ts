/**
 * The form of `generated/<service>.json`: one service's API in rows short enough to load in milliseconds.
 * `npm run generate` writes them; `models.ts` turns them into shapes as they are needed.
 */

export type ProtocolName = 'ec2-query' | 'aws-query' | 'aws-json' | 'rest-json';

/** A scalar (`string`, `integer` …) or a shape's name, followed by `[]` for a list or `{}` for a map of it. */
export type TypeName = string;

export const scalarNames = [
  'string',
  'integer',
  'number',
  'boolean',
  'timestamp',
  'blob',
  'stream',
  'document',
] as const;
export type ScalarName = (typeof scalarNames)[number];

/**
 * What a member carries besides its name and type: `token` (idempotency token), `sensitive`, `label`, `payload`,
 * `header:NAME`, `query:NAME`.
 */
export type MemberTrait = string;

/** Name, type, name in XML (0: as the name), name in an EC2 query (0: the XML name with a capital), traits. */
export type MemberRow = readonly [
  name: string,
  type: TypeName,
  xmlName?: string | 0,
  queryName?: string | 0,
  ...traits: MemberTrait[],
];

/** The first `required` members of a structure are the required ones. */
export type ShapeRow =
  | readonly [kind: 'structure' | 'union', required: number, ...members: MemberRow[]]
  | readonly [kind: 'list', member: TypeName, itemName?: string]
  | readonly [kind: 'map', key: TypeName, value: TypeName];

/** Input and output shapes (0: none), and for REST the method, path and success status. */
export type OperationRow = readonly [input: string | 0, output: string | 0, http?: HttpRow];
export type HttpRow = readonly [method: string, path: string, status: number];

/** The code in awsQuery (0: as the shape's name) and the HTTP status (0: 400 or, for a server's fault, 500). */
export type ErrorRow = readonly [code: string | 0, status: number, fault: 'client' | 'server'];

export interface ServiceTable {
  readonly service: string;
  readonly apiVersion: string;
  readonly namespace: string;
  readonly xmlNamespace: string;
  /** The service's name in credential scopes. */
  readonly signingName: string;
  /** Preferred first. */
  readonly protocols: readonly ProtocolName[];
  readonly jsonVersion: string;
  /** What stands before the dot in X-Amz-Target. */
  readonly targetPrefixes: readonly string[];
  /** JSON answers name errors by their awsQuery codes too (`x-amzn-query-error`). */
  readonly queryCompatible: boolean;
  readonly operations: Readonly<Record<string, OperationRow>>;
  readonly errors: Readonly<Record<string, ErrorRow>>;
  readonly shapes: Readonly<Record<string, ShapeRow>>;
}
