import type { RunInstancesRequest } from '@aws-sdk/client-ec2';
import { ApiError } from '../../../api/errors.ts';
import type { InstanceRow } from '../model.ts';

interface Processors {
  readonly name: string;
  readonly cores: number;
  readonly threadsPerCore: number;
  readonly burstable: boolean;
}

/** @throws ApiError `InvalidParameterCombination`, `InvalidParameterValue`, `UnsupportedOperation`. */
export function launchCpuOptions(
  input: RunInstancesRequest['CpuOptions'],
  type: Processors,
): InstanceRow['cpuOptions'] {
  const all = { coreCount: type.cores, threadsPerCore: type.threadsPerCore };
  if (input === undefined) return all;
  if (input.AmdSevSnp === 'enabled' || input.NestedVirtualization === 'enabled') {
    throw new ApiError(
      'UnsupportedOperation',
      'AMD SEV-SNP and nested virtualization are not supported. Leave these CPU options out.',
    );
  }
  const { CoreCount, ThreadsPerCore } = input;
  if (CoreCount === undefined && ThreadsPerCore === undefined) return all;
  if (CoreCount === undefined || ThreadsPerCore === undefined) {
    throw new ApiError('InvalidParameterCombination', 'CpuOptions needs both CoreCount and ThreadsPerCore.');
  }
  if (!Number.isInteger(CoreCount) || CoreCount < 1 || CoreCount > type.cores) {
    throw new ApiError(
      'InvalidParameterValue',
      `CoreCount ${CoreCount} is not valid for ${type.name}. It must be from 1 to ${type.cores}.`,
    );
  }
  if (!Number.isInteger(ThreadsPerCore) || ThreadsPerCore < 1 || ThreadsPerCore > type.threadsPerCore) {
    throw new ApiError(
      'InvalidParameterValue',
      `ThreadsPerCore ${ThreadsPerCore} is not valid for ${type.name}. It must be from 1 to ${type.threadsPerCore}.`,
    );
  }
  return { coreCount: CoreCount, threadsPerCore: ThreadsPerCore };
}

/** Credits of burstable types; T2 starts as standard, later ones as unlimited. @throws ApiError `InvalidParameterCombination`, `InvalidParameterValue`. */
export function launchCredits(
  input: RunInstancesRequest['CreditSpecification'],
  type: Processors,
): InstanceRow['creditSpecification'] {
  if (!type.burstable) {
    if (input !== undefined)
      throw new ApiError(
        'InvalidParameterCombination',
        `CreditSpecification is only for burstable types; ${type.name} is not one.`,
      );
    return undefined;
  }
  return (
    checkCredits(input?.CpuCredits) ??
    (type.name.startsWith('t2.') || type.name.startsWith('t1.') ? 'standard' : 'unlimited')
  );
}

export function checkCredits(value: string | undefined): 'standard' | 'unlimited' | undefined {
  if (value === undefined || value === 'standard' || value === 'unlimited') return value;
  throw new ApiError(
    'InvalidParameterValue',
    `Value ( ${value} ) for parameter CpuCredits is invalid. Use standard or unlimited.`,
  );
}
