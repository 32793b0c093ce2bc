import type { GrantOperation } from '@aws-sdk/client-kms';
import type { ReadContext } from '../../api/operation.ts';
import { compilePolicy } from '../../iam/policy/compile.ts';
import type { CompiledPolicy } from '../../iam/policy/types.ts';
import { withPrincipalIds } from '../../iam/policy-principals.ts';
import { contextOf } from '../cryptography/encryption-context.ts';
import type { KeyRow } from '../keys/model.ts';
import { type GrantRow, grants } from './model.ts';

const compiled = new WeakMap<GrantRow, CompiledPolicy>();

/** A grant as the statement that it is. */
function compiledGrant(row: GrantRow): CompiledPolicy {
  let policy = compiled.get(row);
  if (policy === undefined) {
    const statement = {
      Effect: 'Allow',
      Principal: { AWS: row.grantee },
      Action: row.operations.map(operation => `kms:${operation}`),
      Resource: '*',
    };
    const document = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
    const source = { id: row.grantId, type: 'resource' } as const;
    policy = compilePolicy(withPrincipalIds(document, row.principalIds), source, 'key');
    compiled.set(row, policy);
  }
  return policy;
}

/** The grants of a key that concern an action, and the encryption context of this call; whomever they are for. */
export function grantsFor(context: ReadContext, key: KeyRow, action: string): CompiledPolicy[] {
  const operation = action.slice(action.indexOf(':') + 1);
  return context.db
    .by(grants, 'keyId', key.keyId)
    .filter(row => row.operations.includes(operation as GrantOperation) && fits(row, context, operation))
    .map(compiledGrant);
}

/** Operations without an encryption context, which constraints do not concern. */
const withoutContext = new Set(['DescribeKey', 'RetireGrant']);

function fits({ constraints }: GrantRow, context: ReadContext, operation: string): boolean {
  if (constraints === undefined || withoutContext.has(operation)) return true;
  const { equals, subset } = constraints;
  if (operation === 'CreateGrant') return isAsStrict(constraints, context);
  const given = contextOf(context.call.input, operation);
  if (equals !== undefined && !(contains(given, equals) && contains(equals, given))) return false;
  return subset === undefined || contains(given, subset);
}

type Pairs = Readonly<Record<string, string>>;

function contains(pairs: Pairs, part: Pairs): boolean {
  return Object.entries(part).every(([key, value]) => Object.hasOwn(pairs, key) && pairs[key] === value);
}

/** Who may make grants by a grant that has constraints must give them constraints that are as strict. */
function isAsStrict({ equals, subset }: NonNullable<GrantRow['constraints']>, context: ReadContext): boolean {
  const { Constraints } = context.call.input as { Constraints?: { [name: string]: Pairs | undefined } };
  const newEquals = Constraints?.EncryptionContextEquals;
  const newSubset = Constraints?.EncryptionContextSubset;
  if (equals !== undefined)
    return newEquals !== undefined && contains(newEquals, equals) && contains(equals, newEquals);
  const given = newEquals ?? newSubset;
  return subset === undefined || (given !== undefined && contains(given, subset));
}
