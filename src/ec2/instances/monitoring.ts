import type { MonitorInstancesRequest, MonitorInstancesResult, UnmonitorInstancesResult } from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { findByIds, idKinds } from '../../api/ids.ts';
import { type ReadContext, type WriteContext, writeOperation } from '../../api/operation.ts';
import { type InstanceRow, instances } from './model.ts';

const resources = (input: MonitorInstancesRequest, context: ReadContext) =>
  (input.InstanceIds ?? []).map(id => arn(context, 'instance', id));

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_MonitorInstances.html */
export const monitorInstances = writeOperation<MonitorInstancesRequest, MonitorInstancesResult>({
  service: 'ec2',
  name: 'MonitorInstances',
  resources,
  run: (input, context) => ({ InstanceMonitorings: setMonitoring(context, input, 'enabled') }),
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UnmonitorInstances.html */
export const unmonitorInstances = writeOperation<MonitorInstancesRequest, UnmonitorInstancesResult>({
  service: 'ec2',
  name: 'UnmonitorInstances',
  resources,
  run: (input, context) => ({ InstanceMonitorings: setMonitoring(context, input, 'disabled') }),
});

function setMonitoring(context: WriteContext, input: MonitorInstancesRequest, monitoring: InstanceRow['monitoring']) {
  return findByIds(context, instances, idKinds.instance, input.InstanceIds ?? []).map(row => {
    if (row.monitoring !== monitoring) context.db.put(instances, { ...row, monitoring });
    return { InstanceId: row.instanceId, Monitoring: { State: monitoring } };
  });
}
