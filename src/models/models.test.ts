import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sources } from './generate/sources.ts';
import { findBySigningName, findByTargetPrefix, operation, serviceModel, serviceNames, tableUrl } from './models.ts';
import type { Shape, StructureShape } from './shapes.ts';
import type { ServiceTable } from './table.ts';

describe('generated tables', () => {
  const filesIn = (folder: string) => readdirSync(new URL(`${folder}/`, import.meta.url));

  it('exist for every service, each below 1 MB', () => {
    const files = [...filesIn('generated'), ...filesIn('written')];
    expect(files.sort()).toEqual(serviceNames.map(name => `${name}.json`).sort());
    expect(filesIn('generated').sort()).toEqual(sources.map(source => `${source.service}.json`).sort());
    for (const name of serviceNames) expect(statSync(tableUrl(name)).size).toBeLessThan(1_000_000);
  });

  it('hold every operation that the SDK has', { timeout: 60_000 }, async () => {
    for (const source of sources) {
      const sdk: Record<string, unknown> = await import(source.package);
      const commands = Object.keys(sdk).filter(name => name.endsWith('Command') && name !== '$Command');
      const names = commands.map(name => name.slice(0, -'Command'.length)).sort();
      expect(serviceModel(source.service)?.operationNames, source.service).toEqual(names);
    }
  });

  it('refer only to shapes that exist, and name each wire member once a structure', () => {
    for (const name of serviceNames) {
      const model = serviceModel(name);
      const seen = new Set<Shape>();
      const visit = (shape: Shape): void => {
        if (seen.has(shape)) return;
        seen.add(shape);
        if (shape.kind === 'list') visit(shape.member);
        if (shape.kind === 'map') [shape.key, shape.value].forEach(visit);
        if (shape.kind !== 'structure') return;
        const wireNames = shape.members.map(member => (name === 'ec2' ? member.queryName : member.xmlName));
        expect(new Set(wireNames).size, shape.name).toBe(wireNames.length);
        for (const member of shape.members) visit(member.shape);
      };
      for (const operationName of model.operationNames) {
        const { input, output } = model.operation(operationName) ?? {};
        for (const shape of [input, output]) if (shape) visit(shape);
      }
      const table = JSON.parse(readFileSync(tableUrl(name), 'utf8')) as ServiceTable;
      const structures = [...seen].filter((shape): shape is StructureShape => shape.kind === 'structure');
      const expected = Object.values(table.shapes).filter(row => row[0] === 'structure' || row[0] === 'union').length;
      expect(structures.length, name).toBe(expected);
    }
  });
});

describe('models', () => {
  it('know names on the wire, required members and tokens', () => {
    const run = operation('ec2', 'RunInstances');
    expect(run?.hasDryRun).toBe(true);
    expect(run?.idempotencyToken).toBe('ClientToken');
    const required = run?.input?.members.filter(member => member.required).map(member => member.name);
    expect(required?.sort()).toEqual(['MaxCount', 'MinCount']);
    const mappings = run?.input?.members.find(member => member.name === 'BlockDeviceMappings');
    expect(mappings?.queryName).toBe('BlockDeviceMapping');
    expect(run?.input?.members.find(member => member.name === 'UserData')?.sensitive).toBe(true);
    expect(run?.output?.members.find(member => member.name === 'Instances')?.xmlName).toBe('instancesSet');
  });

  it('tell integers from floating-point numbers', () => {
    const range = operation('ec2', 'CreateFleet')?.input;
    const kinds = new Map<string, string>();
    const visit = (shape: Shape, seen = new Set<Shape>()): void => {
      if (seen.has(shape)) return;
      seen.add(shape);
      if (shape.kind === 'list') visit(shape.member, seen);
      if (shape.kind !== 'structure') return;
      for (const member of shape.members) {
        kinds.set(`${shape.name}.${member.name}`, member.shape.kind);
        visit(member.shape, seen);
      }
    };
    if (range) visit(range);
    expect(kinds.get('MemoryGiBPerVCpuRequest.Min')).toBe('number');
    expect(kinds.get('MemoryMiBRequest.Min')).toBe('integer');
  });

  it('do not have operations by the names of object properties', () => {
    expect(operation('ec2', 'constructor')).toBeUndefined();
    expect(operation('constructor', 'RunInstances')).toBeUndefined();
    expect(findByTargetPrefix('constructor')).toBeUndefined();
    expect(findBySigningName('__proto__')).toBeUndefined();
  });

  it('are found by signing name and by target prefix, as the tables have them', () => {
    for (const name of serviceNames) {
      const table = JSON.parse(readFileSync(tableUrl(name), 'utf8')) as ServiceTable;
      expect(findBySigningName(table.signingName)?.name).toBe(name);
      for (const prefix of table.targetPrefixes) expect(findByTargetPrefix(prefix)?.name).toBe(name);
    }
  });

  it('find errors by shape name and by awsQuery code', () => {
    const cloudwatch = serviceModel('cloudwatch');
    expect(cloudwatch.error('ResourceNotFound')).toMatchObject({ shapeName: 'ResourceNotFound', status: 404 });
    expect(cloudwatch.error('InvalidParameterValueException')?.queryCode).toBe('InvalidParameterValue');
    expect(serviceModel('iam').error('NoSuchEntity')).toMatchObject({
      shapeName: 'NoSuchEntityException',
      status: 404,
    });
  });
});
