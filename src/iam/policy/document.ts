import { ApiError } from '../../api/errors.ts';

/** A policy document as it was written, with single elements made into lists. */
export interface PolicyDocument {
  /** 2008-10-17 when the document names none: variables are then texts. */
  readonly version: '2008-10-17' | '2012-10-17';
  readonly id?: string;
  readonly statements: readonly Statement[];
}

export interface Statement {
  readonly sid?: string;
  readonly effect: 'Allow' | 'Deny';
  readonly actions?: Elements;
  readonly resources?: Elements;
  readonly principals?: Principals;
  readonly conditions: readonly Condition[];
}

/** The values of Action, or of NotAction when `not` is set; of Resource and NotResource likewise. */
export interface Elements {
  readonly not: boolean;
  readonly values: readonly string[];
}

/** Principal or NotPrincipal. `"*"` is everyone, as `{"AWS": "*"}` is. */
export interface Principals {
  readonly not: boolean;
  readonly values: Readonly<Record<PrincipalType, readonly string[]>>;
}

export type PrincipalType = 'AWS' | 'Service' | 'Federated' | 'CanonicalUser';

/** One operator with one key and its values, as in `"StringLike": { "aws:username": ["a*", "b*"] }`. */
export interface Condition {
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

const documentElements = new Set(['Version', 'Id', 'Statement']);
const statementElements = new Set([
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
]);
const principalTypes: readonly PrincipalType[] = ['AWS', 'Service', 'Federated', 'CanonicalUser'];

export function malformed(message: string): ApiError {
  return new ApiError('MalformedPolicyDocument', message);
}

/** IAM says no more than the first sentence. */
export function syntaxError(reason: string): ApiError {
  return malformed(`Syntax errors in policy. ${reason}`);
}

/**
 * Reads a policy document: JSON, the elements of its grammar and their types, but not yet what each kind of policy
 * must and must not have (`validatePolicyDocument`).
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 * @throws ApiError `MalformedPolicyDocument`
 */
export function parsePolicyDocument(text: string): PolicyDocument {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw syntaxError('The document is not valid JSON.');
  }
  if (!isObject(json)) throw syntaxError('The document must be a JSON object.');
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw syntaxError(`The key ${repeated} occurs twice in the same object.`);
  for (const name of Object.keys(json))
    if (!documentElements.has(name)) throw syntaxError(`${name} is not an element of a policy.`);
  const { Version: version = '2008-10-17', Id: id, Statement: statement } = json;
  if (version !== '2008-10-17' && version !== '2012-10-17')
    throw syntaxError('The Version must be 2012-10-17 or 2008-10-17.');
  if (id !== undefined && typeof id !== 'string') throw syntaxError('The Id must be a string.');
  const statements = Array.isArray(statement) ? statement : [statement];
  if (statements.length === 0 || statement === undefined) throw syntaxError('A policy must have a Statement.');
  return { version, ...(id === undefined ? {} : { id }), statements: statements.map(readStatement) };
}

function readStatement(json: unknown): Statement {
  if (!isObject(json)) throw syntaxError('A Statement must be a JSON object.');
  for (const name of Object.keys(json))
    if (!statementElements.has(name)) throw syntaxError(`${name} is not an element of a statement.`);
  const { Sid: sid, Effect: effect } = json;
  if (sid !== undefined && typeof sid !== 'string') throw syntaxError('The Sid must be a string.');
  if (typeof effect !== 'string' || !/^(allow|deny)$/i.test(effect))
    throw syntaxError('The Effect must be Allow or Deny.');
  const actions = readElements(json, 'Action', 'NotAction');
  const resources = readElements(json, 'Resource', 'NotResource');
  const principals = readPrincipals(json);
  const conditions = readConditions(json.Condition);
  if (effect !== 'Allow' && effect !== 'Deny') throw malformed('The policy failed legacy parsing');
  return {
    ...(sid === undefined ? {} : { sid }),
    effect,
    ...(actions === undefined ? {} : { actions }),
    ...(resources === undefined ? {} : { resources }),
    ...(principals === undefined ? {} : { principals }),
    conditions,
  };
}

function readElements(json: Json, name: string, notName: string): Elements | undefined {
  const not = json[notName] !== undefined;
  if (not && json[name] !== undefined)
    throw syntaxError(`A statement can have ${name} or ${notName}, but not both of them.`);
  const value = json[not ? notName : name];
  return value === undefined ? undefined : { not, values: readTexts(value, not ? notName : name) };
}

function readTexts(value: unknown, name: string): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.map(each => {
    if (typeof each !== 'string') throw syntaxError(`${name} must be a string or a list of strings.`);
    return each;
  });
}

function readPrincipals(json: Json): Principals | undefined {
  const not = json.NotPrincipal !== undefined;
  if (not && json.Principal !== undefined)
    throw syntaxError('A statement can have Principal or NotPrincipal, but not both of them.');
  const name = not ? 'NotPrincipal' : 'Principal';
  const value = json[name];
  if (value === undefined) return undefined;
  const none = { AWS: [], Service: [], Federated: [], CanonicalUser: [] };
  if (value === '*') return { not, values: { ...none, AWS: ['*'] } };
  if (!isObject(value)) throw syntaxError(`${name} must be "*" or an object.`);
  const entries = Object.entries(value).map(([type, names]) => {
    if (!principalTypes.some(known => known === type)) throw syntaxError(`${name} cannot have ${type}.`);
    return [type, readTexts(names, `${name} ${type}`)];
  });
  return { not, values: { ...none, ...Object.fromEntries(entries) } };
}

function readConditions(json: unknown): readonly Condition[] {
  if (json === undefined) return [];
  if (!isObject(json)) throw syntaxError('Condition must be an object of operators.');
  return Object.entries(json).flatMap(([operator, keys]) => {
    if (!isObject(keys)) throw syntaxError(`Condition ${operator} must be an object of condition keys.`);
    return Object.entries(keys).map(([key, value]) => ({ operator, key, values: readConditionValues(value, key) }));
  });
}

/** Strings, numbers and Booleans: the grammar knows all three, and compares their texts. */
function readConditionValues(value: unknown, key: string): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.map(each => {
    if (typeof each !== 'string' && typeof each !== 'number' && typeof each !== 'boolean')
      throw syntaxError(`The values of condition key ${key} must be strings, numbers or Booleans.`);
    return String(each);
  });
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The first key that an object of a valid JSON text has twice. `JSON.parse` would keep the last and drop, say, a
 * condition without a word; IAM refuses such documents.
 */
function repeatedKey(text: string): string | undefined {
  const objects: Set<string>[] = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"\s*:?|[{}]/gs)) {
    if (token === '{') objects.push(new Set());
    else if (token === '}') objects.pop();
    else if (token.endsWith(':')) {
      const quoted = token.slice(0, token.lastIndexOf('"') + 1);
      const key = quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
      const seen = objects.at(-1);
      if (seen?.has(key)) return key;
      seen?.add(key);
    }
  }
  return undefined;
}
