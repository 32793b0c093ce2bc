import { compileActions } from './actions.ts';
import { compileCondition, operatorNameOf } from './conditions.ts';
import { malformed, type PolicyDocument, type Statement, syntaxError } from './document.ts';
import { compilePrincipals } from './principals.ts';
import { compileResources } from './resources.ts';
import type { CompiledPolicy, CompiledStatement, PolicyKind, PolicySource } from './types.ts';
import { validatePolicyDocument } from './validate.ts';

/** Actions come from API calls, of which there are thousands at most; a simulation may ask for anything. */
const rememberedActions = 4096;

/**
 * Makes a policy document ready to decide. Costs about as much as parsing the JSON several times; keep the result.
 * @throws ApiError `MalformedPolicyDocument`
 */
export function compilePolicy(document: string, source: PolicySource, kind: PolicyKind): CompiledPolicy {
  return compileDocument(validatePolicyDocument(document, kind), source, kind);
}

function compileDocument(document: PolicyDocument, source: PolicySource, kind: PolicyKind): CompiledPolicy {
  const variables = document.version === '2012-10-17';
  const statements = document.statements.map((statement, index) => compileStatement(statement, index, variables));
  const remembered = new Map<string, readonly CompiledStatement[]>();
  const forAction = (action: string): readonly CompiledStatement[] => {
    let found = remembered.get(action);
    if (found === undefined) {
      const lower = action.toLowerCase();
      found = statements.filter(statement => statement.fitsAction(lower));
      if (remembered.size >= rememberedActions) remembered.clear();
      remembered.set(action, found);
    }
    return found;
  };
  return { source, kind, statements, forAction };
}

function compileStatement(statement: Statement, index: number, variables: boolean): CompiledStatement {
  if (statement.actions === undefined) throw malformed('Policy statement must contain actions.');
  const resources = statement.resources === undefined ? undefined : compileResources(statement.resources, variables);
  const conditions = statement.conditions.map(condition => {
    const name = operatorNameOf(condition.operator);
    if (name === undefined) throw syntaxError(`${condition.operator} is not a condition operator.`);
    return compileCondition(condition, name, variables);
  });
  return {
    index,
    ...(statement.sid === undefined ? {} : { sid: statement.sid }),
    effect: statement.effect,
    fitsAction: compileActions(statement.actions),
    fitsResource: resources?.fits ?? (() => true),
    ...(statement.principals === undefined ? {} : { principals: compilePrincipals(statement.principals) }),
    conditions,
    resourceKeys: resources?.keys ?? [],
    conditionKeys: conditions.flatMap(condition => condition.keys),
  };
}
