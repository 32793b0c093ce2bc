import type { AnyOperation } from '../../api/operation.ts';
import { describeInstanceAttribute, modifyInstanceAttribute, resetInstanceAttribute } from './attributes.ts';
import { getConsoleOutput, getConsoleScreenshot } from './console.ts';
import { describeInstanceCreditSpecifications, modifyInstanceCreditSpecification } from './credits.ts';
import { describeInstances } from './describe.ts';
import {
  getInstanceMetadataDefaults,
  modifyInstanceMetadataDefaults,
  modifyInstanceMetadataOptions,
} from './metadata-options.ts';
import { monitorInstances, unmonitorInstances } from './monitoring.ts';
import { rebootInstances, startInstances, stopInstances, terminateInstances } from './power.ts';
import { modifyPrivateDnsNameOptions } from './private-dns-names.ts';
import { runInstances } from './run-instances.ts';
import { describeInstanceStatus } from './status.ts';

export const instanceOperations: readonly AnyOperation[] = [
  describeInstanceAttribute,
  describeInstanceCreditSpecifications,
  describeInstanceStatus,
  describeInstances,
  getConsoleOutput,
  getConsoleScreenshot,
  getInstanceMetadataDefaults,
  modifyInstanceAttribute,
  modifyInstanceCreditSpecification,
  modifyInstanceMetadataDefaults,
  modifyInstanceMetadataOptions,
  modifyPrivateDnsNameOptions,
  monitorInstances,
  rebootInstances,
  resetInstanceAttribute,
  runInstances,
  startInstances,
  stopInstances,
  terminateInstances,
  unmonitorInstances,
];
