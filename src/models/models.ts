import { readFileSync } from 'node:fs';
import { ShapeSet, type StructureShape } from './shapes.ts';
import type { ErrorRow, HttpRow, OperationRow, ProtocolName, ServiceTable } from './table.ts';

export type { ProtocolName } from './table.ts';

/** The services that have a table, by Fogbank's names, which are those of `Call.service`. */
export const serviceNames = [
  'ec2',
  'autoscaling',
  'cloudwatch',
  'iam',
  'sts',
  'ssm',
  'ec2-instance-connect',
  'cloudtrail',
  'kms',
  'ebs',
  'rbin',
] as const;
export type ServiceName = (typeof serviceNames)[number];

export interface OperationModel {
  readonly name: string;
  /** Absent: the operation takes no input. */
  readonly input: StructureShape | undefined;
  /** Absent: the operation answers nothing but its success. */
  readonly output: StructureShape | undefined;
  readonly http: HttpRow | undefined;
  readonly hasDryRun: boolean;
  /** The member that makes the call idempotent and that clients fill by themselves: `ClientToken`. */
  readonly idempotencyToken: string | undefined;
}

/** An error that the model names. Codes are matched by the shape's name and by the awsQuery code. */
export interface ErrorModel {
  readonly shapeName: string;
  readonly queryCode: string;
  /** HTTP status, undefined where the model does not say. */
  readonly status: number | undefined;
  readonly fault: 'client' | 'server';
}

export class ServiceModel {
  readonly name: string;
  readonly apiVersion: string;
  /** Of its shapes' identifiers: `com.amazonaws.ec2`. */
  readonly namespace: string;
  readonly xmlNamespace: string;
  readonly signingName: string;
  readonly protocols: readonly ProtocolName[];
  readonly jsonVersion: string;
  readonly queryCompatible: boolean;
  /** In alphabetical order. */
  readonly operationNames: readonly string[];
  private readonly table: ServiceTable;
  private readonly shapes: ShapeSet;
  private readonly operations = new Map<string, OperationModel>();
  private readonly errors = new Map<string, ErrorModel>();

  constructor(table: ServiceTable) {
    this.table = table;
    this.name = table.service;
    this.apiVersion = table.apiVersion;
    this.namespace = table.namespace;
    this.xmlNamespace = table.xmlNamespace;
    this.signingName = table.signingName;
    this.protocols = table.protocols;
    this.jsonVersion = table.jsonVersion;
    this.queryCompatible = table.queryCompatible;
    this.operationNames = Object.keys(table.operations);
    this.shapes = new ShapeSet(table.shapes);
    for (const [shapeName, row] of Object.entries(table.errors)) this.addError(shapeName, row);
  }

  /** The operation of this exact name, or undefined if the service has none. */
  operation(name: string): OperationModel | undefined {
    let operation = this.operations.get(name);
    if (!operation && Object.hasOwn(this.table.operations, name)) {
      const row = this.table.operations[name];
      operation = row && this.makeOperation(name, row);
      if (operation) this.operations.set(name, operation);
    }
    return operation;
  }

  /** @param code the error's shape name or its awsQuery code */
  error(code: string): ErrorModel | undefined {
    return this.errors.get(code);
  }

  private makeOperation(name: string, [inputName, outputName, http]: OperationRow): OperationModel {
    const input = inputName ? this.shapes.structure(inputName) : undefined;
    return {
      name,
      input,
      output: outputName ? this.shapes.structure(outputName) : undefined,
      http,
      hasDryRun: input?.members.some(member => member.name === 'DryRun') ?? false,
      idempotencyToken: input?.members.find(member => member.idempotencyToken)?.name,
    };
  }

  private addError(shapeName: string, [queryCode, status, fault]: ErrorRow): void {
    const model = { shapeName, queryCode: queryCode || shapeName, status: status || undefined, fault };
    if (!this.errors.has(model.queryCode)) this.errors.set(model.queryCode, model);
    this.errors.set(shapeName, model);
  }
}

/** Names in credential scopes that differ from Fogbank's. */
const signingNames: Readonly<Record<string, ServiceName>> = { monitoring: 'cloudwatch' };

const targetPrefixes: Readonly<Record<string, ServiceName>> = {
  GraniteServiceVersion20100801: 'cloudwatch',
  AmazonSSM: 'ssm',
  AWSEC2InstanceConnectService: 'ec2-instance-connect',
  TrentService: 'kms',
  CloudTrail_20131101: 'cloudtrail',
  'com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101': 'cloudtrail',
};

const loaded = new Map<ServiceName, ServiceModel>();

const isServiceName = (name: string): name is ServiceName => (serviceNames as readonly string[]).includes(name);

/** Services whose SDK package exports no schemas: their tables are written by hand, after AWS's API reference. */
const writtenTables: ReadonlySet<ServiceName> = new Set(['rbin']);

/** Where a service's table is. */
export function tableUrl(name: ServiceName): URL {
  return new URL(`${writtenTables.has(name) ? 'written' : 'generated'}/${name}.json`, import.meta.url);
}

/** A service's model, read from its table when first asked for; undefined for a service that has none. */
export function serviceModel(name: ServiceName): ServiceModel;
export function serviceModel(name: string): ServiceModel | undefined;
export function serviceModel(name: string): ServiceModel | undefined {
  if (!isServiceName(name)) return undefined;
  let model = loaded.get(name);
  if (!model) {
    const json = readFileSync(tableUrl(name), 'utf8');
    model = new ServiceModel(JSON.parse(json) as ServiceTable);
    loaded.set(name, model);
  }
  return model;
}

/** The service that a credential scope names. */
export function findBySigningName(signingName: string): ServiceModel | undefined {
  return serviceModel(Object.hasOwn(signingNames, signingName) ? (signingNames[signingName] ?? '') : signingName);
}

/** The service that an X-Amz-Target names by what stands before its last dot. */
export function findByTargetPrefix(prefix: string): ServiceModel | undefined {
  return Object.hasOwn(targetPrefixes, prefix) ? serviceModel(targetPrefixes[prefix] ?? '') : undefined;
}

/** An operation of a service, or undefined if either does not exist. */
export function operation(service: string, name: string): OperationModel | undefined {
  return serviceModel(service)?.operation(name);
}
