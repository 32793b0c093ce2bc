import type {
  DescribeInstanceAttributeRequest,
  InstanceAttribute,
  ModifyInstanceAttributeRequest,
  ResetInstanceAttributeRequest,
} from '@aws-sdk/client-ec2';
import { arn, arns } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { type ReadContext, readOperation, type WriteContext, writeOperation } from '../../api/operation.ts';
import { attributeKeys } from '../access/attribute-keys.ts';
import { instanceType } from '../instance-types/catalogue.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { checkTypes } from '../network-interfaces/types.ts';
import { resolveGroups } from '../security-groups/resolve.ts';
import { deviceStatus, setDeleteOnTermination } from '../volumes/attachments.ts';
import { checkUserData, checkUserDataSize } from './launch/user-data.ts';
import { type InstanceRow, instances } from './model.ts';
import { groupIdentifiers } from './render.ts';
import { sealUserData, userDataOf } from './user-data.ts';

interface InstanceInput {
  readonly InstanceId?: string | undefined;
}

const resources = (input: InstanceInput, context: ReadContext) => [arn(context, 'instance', input.InstanceId)];

const attributeTarget = (input: InstanceInput, context: ReadContext) => ({
  arn: arn(context, 'instance', input.InstanceId),
  keys: attributeKeys(input),
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceAttribute.html */
export const describeInstanceAttribute = readOperation<DescribeInstanceAttributeRequest, InstanceAttribute>({
  service: 'ec2',
  name: 'DescribeInstanceAttribute',
  resources,
  run: (input, context) => {
    const row = findById(context, instances, idKinds.instance, input.InstanceId ?? '');
    const attribute = String(input.Attribute ?? '');
    const read = Object.hasOwn(readers, attribute) ? readers[attribute] : undefined;
    if (read === undefined) throw unknownAttribute(attribute);
    return { InstanceId: row.instanceId, ...read(row, context) };
  },
});

const readers: Readonly<Record<string, (row: InstanceRow, context: ReadContext) => InstanceAttribute>> = {
  instanceType: row => ({ InstanceType: { Value: row.instanceType } }),
  kernel: () => ({ KernelId: {} }),
  ramdisk: () => ({ RamdiskId: {} }),
  userData: (row, context) => {
    const Value = userDataOf(context.services.secrets, row);
    return { UserData: Value === undefined ? {} : { Value } };
  },
  disableApiTermination: row => ({ DisableApiTermination: { Value: row.disableApiTermination } }),
  disableApiStop: row => ({ DisableApiStop: { Value: row.disableApiStop } }),
  instanceInitiatedShutdownBehavior: row => ({
    InstanceInitiatedShutdownBehavior: { Value: row.instanceInitiatedShutdownBehavior },
  }),
  rootDeviceName: row => ({ RootDeviceName: { Value: row.rootDeviceName } }),
  blockDeviceMapping: (row, context) => ({
    BlockDeviceMappings: row.blockDevices.map(device => ({
      DeviceName: device.deviceName,
      Ebs: {
        VolumeId: device.volumeId,
        Status: deviceStatus(context.db, row.instanceId, device),
        AttachTime: new Date(device.attachTime),
        DeleteOnTermination: device.deleteOnTermination,
      },
    })),
  }),
  productCodes: () => ({ ProductCodes: [] }),
  sourceDestCheck: (row, context) => {
    const primary = row.networkInterfaceIds[0];
    return {
      SourceDestCheck: {
        Value: primary === undefined ? true : (context.db.get(networkInterfaces, primary)?.sourceDestCheck ?? true),
      },
    };
  },
  groupSet: (row, context) => ({ Groups: groupIdentifiers(context.db, row.securityGroupIds) }),
  ebsOptimized: row => ({ EbsOptimized: { Value: row.ebsOptimized } }),
  sriovNetSupport: () => ({ SriovNetSupport: {} }),
  enaSupport: () => ({ EnaSupport: { Value: true } }),
  enclaveOptions: () => ({ EnclaveOptions: { Enabled: false } }),
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html */
export const modifyInstanceAttribute = writeOperation<ModifyInstanceAttributeRequest, Record<string, never>>({
  service: 'ec2',
  name: 'ModifyInstanceAttribute',
  resources: (input, context) => [
    attributeTarget(input, context),
    ...arns(context, 'security-group', input.Groups),
    ...arns(
      context,
      'volume',
      input.BlockDeviceMappings?.flatMap(mapping => volumeOf(context, input.InstanceId, mapping.DeviceName) ?? []),
    ),
  ],
  run: (input, context) => {
    const row = findById(context, instances, idKinds.instance, input.InstanceId ?? '');
    if (row.state === 'terminated' || row.state === 'shutting-down') {
      throw new ApiError(
        'IncorrectInstanceState',
        `The instance '${row.instanceId}' is ${row.state}; its attributes cannot be modified.`,
      );
    }
    const changes = requestedChanges(input);
    if (changes.length !== 1) {
      throw new ApiError(
        changes.length === 0 ? 'MissingParameter' : 'InvalidParameterCombination',
        changes.length === 0
          ? 'The request must name an attribute to modify.'
          : 'Fields for multiple attribute types specified: modify one attribute a request.',
      );
    }
    for (const apply of changes) apply(row, context);
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ResetInstanceAttribute.html */
export const resetInstanceAttribute = writeOperation<ResetInstanceAttributeRequest, Record<string, never>>({
  service: 'ec2',
  name: 'ResetInstanceAttribute',
  resources: (input, context) => [attributeTarget(input, context)],
  run: (input, context) => {
    const row = findById(context, instances, idKinds.instance, input.InstanceId ?? '');
    const attribute = String(input.Attribute ?? '');
    if (attribute === 'sourceDestCheck') setSourceDestCheck(row, context, true);
    else if (attribute === 'kernel' || attribute === 'ramdisk') {
      throw new ApiError(
        'UnsupportedOperation',
        `The ${attribute} of an instance that boots from its disk cannot be reset.`,
      );
    } else
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${attribute}) for parameter attribute is invalid. Use kernel, ramdisk, or sourceDestCheck.`,
      );
    return {};
  },
});

/** The volume behind a device of the caller's instance. */
function volumeOf(context: ReadContext, instanceId = '', deviceName = ''): string | undefined {
  const row = context.db.get(instances, instanceId);
  if (row?.owner !== context.owner) return undefined;
  return row.blockDevices.find(device => device.deviceName === deviceName)?.volumeId;
}

type Change = (row: InstanceRow, context: WriteContext) => void;

/** The changes that a request asks for, whether by its member or by `Attribute` and `Value`. */
function requestedChanges(input: ModifyInstanceAttributeRequest): Change[] {
  const changes: Change[] = [];
  if (input.InstanceType !== undefined) changes.push(setType(input.InstanceType.Value));
  if (input.UserData !== undefined) {
    const bytes = input.UserData.Value ?? new Uint8Array();
    changes.push(setUserData(Buffer.from(bytes).toString('base64')));
  }
  if (input.DisableApiTermination !== undefined)
    changes.push(setFlag('disableApiTermination', input.DisableApiTermination.Value));
  if (input.DisableApiStop !== undefined) changes.push(setFlag('disableApiStop', input.DisableApiStop.Value));
  if (input.EbsOptimized !== undefined)
    changes.push(whileStopped('ebsOptimized', setFlag('ebsOptimized', input.EbsOptimized.Value)));
  if (input.InstanceInitiatedShutdownBehavior !== undefined)
    changes.push(setShutdownBehavior(input.InstanceInitiatedShutdownBehavior.Value));
  if (input.SourceDestCheck !== undefined) {
    const value = input.SourceDestCheck.Value ?? true;
    changes.push((row, context) => setSourceDestCheck(row, context, value));
  }
  if (input.Groups !== undefined && input.Groups.length > 0) changes.push(setGroups(input.Groups));
  if (input.BlockDeviceMappings !== undefined && input.BlockDeviceMappings.length > 0)
    changes.push(setBlockDevices(input.BlockDeviceMappings));
  for (const name of ['Kernel', 'Ramdisk', 'SriovNetSupport', 'EnaSupport', 'EnclaveOptions'] as const) {
    if (input[name] !== undefined) changes.push(() => refuse(name));
  }
  if (input.Attribute !== undefined) changes.push(byName(String(input.Attribute), input.Value));
  return changes;
}

function byName(attribute: string, value: string | undefined): Change {
  if (value === undefined) throw new ApiError('MissingParameter', 'The request must contain the parameter value');
  const flag = () => {
    if (value === 'true' || value === 'false') return value === 'true';
    throw new ApiError('InvalidParameterValue', `Value (${value}) for parameter value is invalid. Use true or false.`);
  };
  switch (attribute) {
    case 'instanceType':
      return setType(value);
    case 'userData':
      return setUserData(value);
    case 'disableApiTermination':
    case 'disableApiStop':
      return setFlag(attribute, flag());
    case 'ebsOptimized':
      return whileStopped(attribute, setFlag(attribute, flag()));
    case 'instanceInitiatedShutdownBehavior':
      return setShutdownBehavior(value);
    case 'sourceDestCheck': {
      const on = flag();
      return (row, context) => setSourceDestCheck(row, context, on);
    }
    case 'kernel':
    case 'ramdisk':
    case 'sriovNetSupport':
    case 'enaSupport':
    case 'enclaveOptions':
      return () => refuse(attribute);
    default:
      throw unknownAttribute(attribute);
  }
}

function setType(name: string | undefined): Change {
  return whileStopped('instanceType', (row, context) => {
    if (row.hibernated === true) {
      throw new ApiError(
        'UnsupportedOperation',
        `The instance '${row.instanceId}' is hibernated, and its memory fits its present type only. Start it, stop it without hibernation, then change its type.`,
      );
    }
    const type = instanceType(name ?? '');
    if (type === undefined)
      throw new ApiError(
        'InvalidInstanceAttributeValue',
        `Invalid value '${name ?? ''}' for attribute instanceType. DescribeInstanceTypes lists the types that exist.`,
      );
    if (!type.architectures.some(one => one === row.architecture)) {
      throw new ApiError(
        'InvalidInstanceAttributeValue',
        `The instance type '${type.name}' is ${type.architectures.join(', ')}, but the instance is ${row.architecture}.`,
      );
    }
    if (row.networkInterfaceIds.length > type.maximumInterfaces) {
      throw new ApiError(
        'InvalidInstanceAttributeValue',
        `'${type.name}' allows ${type.maximumInterfaces} network interfaces; the instance has ${row.networkInterfaceIds.length}.`,
      );
    }
    checkTypes(
      type,
      row.networkInterfaceIds.flatMap(id => context.db.get(networkInterfaces, id) ?? []),
    );
    const cpuOptions = { coreCount: type.cores, threadsPerCore: type.threadsPerCore };
    const creditSpecification = type.burstable
      ? (row.creditSpecification ?? (type.name.startsWith('t2.') ? 'standard' : 'unlimited'))
      : undefined;
    context.db.put(instances, { ...row, instanceType: type.name, cpuOptions, creditSpecification });
  });
}

/** `text` is base64: the SDK's member carries bytes that clients have not encoded, `Value` and EC2's wire do. */
function setUserData(text: string): Change {
  return whileStopped('userData', (row, context) => {
    const userData = checkUserData(text);
    if (userData !== undefined) checkUserDataSize(Buffer.from(userData, 'base64').length);
    const sealed = sealUserData(context.services.secrets, row.instanceId, userData);
    context.db.put(instances, { ...row, userData: sealed });
  });
}

function setFlag(
  name: 'disableApiTermination' | 'disableApiStop' | 'ebsOptimized',
  value: boolean | undefined,
): Change {
  return (row, context) => context.db.put(instances, { ...row, [name]: value === true });
}

function setShutdownBehavior(value: string | undefined): Change {
  if (value !== 'stop' && value !== 'terminate') {
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${value ?? ''}) for parameter instanceInitiatedShutdownBehavior is invalid. Use stop or terminate.`,
    );
  }
  return (row, context) => context.db.put(instances, { ...row, instanceInitiatedShutdownBehavior: value });
}

function setSourceDestCheck(row: InstanceRow, context: WriteContext, sourceDestCheck: boolean): void {
  const card = onlyInterface(row, context, 'sourceDestCheck');
  context.db.put(networkInterfaces, { ...card, sourceDestCheck });
}

function setGroups(ids: readonly string[]): Change {
  return (row, context) => {
    const card = onlyInterface(row, context, 'groupSet');
    const groupIds = resolveGroups(context, { ids, vpcId: card.vpcId });
    context.db.put(networkInterfaces, { ...card, groupIds });
    context.db.put(instances, { ...row, securityGroupIds: groupIds });
  };
}

function onlyInterface(row: InstanceRow, context: WriteContext, attribute: string) {
  if (row.networkInterfaceIds.length > 1) {
    throw new ApiError(
      'InvalidInstanceID',
      `There are multiple interfaces attached to instance '${row.instanceId}'. Please specify an interface ID for the operation instead (ModifyNetworkInterfaceAttribute, ${attribute}).`,
    );
  }
  const card = context.db.get(networkInterfaces, row.networkInterfaceIds[0] ?? '');
  if (card === undefined)
    throw new ApiError('IncorrectInstanceState', `The instance '${row.instanceId}' has no network interface.`);
  return card;
}

function setBlockDevices(mappings: NonNullable<ModifyInstanceAttributeRequest['BlockDeviceMappings']>): Change {
  return (row, context) => {
    for (const mapping of mappings) {
      const device = row.blockDevices.find(one => one.deviceName === mapping.DeviceName);
      if (device === undefined) {
        throw new ApiError(
          'InvalidInstanceAttributeValue',
          `No device is currently mapped at ${mapping.DeviceName ?? '(no DeviceName)'}`,
        );
      }
      if (mapping.Ebs?.VolumeId !== undefined && mapping.Ebs.VolumeId !== device.volumeId) {
        throw new ApiError(
          'InvalidInstanceAttributeValue',
          `The device ${device.deviceName} holds ${device.volumeId}, not ${mapping.Ebs.VolumeId}.`,
        );
      }
      const deleteOnTermination = mapping.Ebs?.DeleteOnTermination;
      if (deleteOnTermination === undefined) {
        throw new ApiError(
          'InvalidParameterValue',
          `Only Ebs.DeleteOnTermination of a device mapping can be modified; give it for ${device.deviceName}.`,
        );
      }
      setDeleteOnTermination(context.db, device.volumeId, row.instanceId, deleteOnTermination);
    }
  };
}

function whileStopped(attribute: string, change: Change): Change {
  return (row, context) => {
    if (row.state !== 'stopped') {
      throw new ApiError(
        'IncorrectInstanceState',
        `The instance '${row.instanceId}' is not in the 'stopped' state: stop it before you modify its ${attribute}.`,
      );
    }
    change(row, context);
  };
}

function refuse(name: string): never {
  throw new ApiError('UnsupportedOperation', `The attribute ${name} cannot be modified here.`);
}

function unknownAttribute(attribute: string): ApiError {
  return new ApiError(
    'InvalidParameterValue',
    `Value (${attribute}) for parameter attribute is invalid. Unknown attribute.`,
  );
}
