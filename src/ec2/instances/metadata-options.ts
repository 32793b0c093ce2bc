import type {
  GetInstanceMetadataDefaultsResult,
  ModifyInstanceMetadataDefaultsRequest,
  ModifyInstanceMetadataDefaultsResult,
  ModifyInstanceMetadataOptionsRequest,
  ModifyInstanceMetadataOptionsResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { readOperation, writeOperation } from '../../api/operation.ts';
import { attributeKeys } from '../access/attribute-keys.ts';
import { checkMetadataTagKeys } from '../tags/metadata-keys.ts';
import { tagsOf } from '../tags/model.ts';
import { checkMetadataOptions } from './launch/metadata-options.ts';
import { instances, type MetadataDefaultsRow, metadataDefaults } from './model.ts';
import { renderMetadataOptions } from './render.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMetadataOptions.html */
export const modifyInstanceMetadataOptions = writeOperation<
  ModifyInstanceMetadataOptionsRequest,
  ModifyInstanceMetadataOptionsResult
>({
  service: 'ec2',
  name: 'ModifyInstanceMetadataOptions',
  resources: (input, context) => [{ arn: arn(context, 'instance', input.InstanceId), keys: attributeKeys(input) }],
  run: (input, context) => {
    const row = findById(context, instances, idKinds.instance, input.InstanceId ?? '');
    checkMetadataOptions(input);
    if (row.state === 'terminated' || row.state === 'shutting-down') {
      throw new ApiError(
        'IncorrectInstanceState',
        `The instance '${row.instanceId}' is ${row.state}; its metadata options cannot be modified.`,
      );
    }
    const now = row.metadataOptions;
    const metadataOptions = {
      ...now,
      httpTokens: input.HttpTokens ?? now.httpTokens,
      httpPutResponseHopLimit: input.HttpPutResponseHopLimit ?? now.httpPutResponseHopLimit,
      httpEndpoint: input.HttpEndpoint ?? now.httpEndpoint,
      httpProtocolIpv6: input.HttpProtocolIpv6 ?? now.httpProtocolIpv6,
      instanceMetadataTags: input.InstanceMetadataTags ?? now.instanceMetadataTags,
    };
    if (metadataOptions.instanceMetadataTags === 'enabled') checkMetadataTagKeys(tagsOf(context.db, row.instanceId));
    context.db.put(instances, { ...row, metadataOptions });
    return { InstanceId: row.instanceId, InstanceMetadataOptions: renderMetadataOptions(metadataOptions) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetInstanceMetadataDefaults.html */
export const getInstanceMetadataDefaults = readOperation<object, GetInstanceMetadataDefaultsResult>({
  service: 'ec2',
  name: 'GetInstanceMetadataDefaults',
  resources: () => ['*'],
  run: (_input, context) => {
    const row = context.db.get(metadataDefaults, context.owner);
    return {
      AccountLevel: {
        HttpTokens: row?.httpTokens,
        HttpPutResponseHopLimit: row?.httpPutResponseHopLimit,
        HttpEndpoint: row?.httpEndpoint,
        InstanceMetadataTags: row?.instanceMetadataTags,
        ManagedBy: 'account',
        HttpTokensEnforced: row?.httpTokensEnforced,
      },
    };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMetadataDefaults.html */
export const modifyInstanceMetadataDefaults = writeOperation<
  ModifyInstanceMetadataDefaultsRequest,
  ModifyInstanceMetadataDefaultsResult
>({
  service: 'ec2',
  name: 'ModifyInstanceMetadataDefaults',
  resources: input => [{ arn: '*', keys: attributeKeys(input) }],
  run: (input, context) => {
    const { HttpTokens, HttpEndpoint, InstanceMetadataTags, HttpPutResponseHopLimit, HttpTokensEnforced } = input;
    checkMetadataOptions(
      { HttpTokens, HttpEndpoint, InstanceMetadataTags, HttpPutResponseHopLimit } as Parameters<
        typeof checkMetadataOptions
      >[0],
      'no-preference',
    );
    if (
      HttpTokensEnforced !== undefined &&
      HttpTokensEnforced !== 'no-preference' &&
      HttpTokensEnforced !== 'disabled'
    ) {
      throw new ApiError(
        'UnsupportedOperation',
        'Enforcing IMDSv2 for an account is not supported yet. Set HttpTokens to required instead.',
      );
    }
    const row = context.db.get(metadataDefaults, context.owner);
    const chosen = <Value extends string>(
      value: Value | undefined,
      before: Exclude<Value, 'no-preference'> | undefined,
    ) => (value === 'no-preference' ? undefined : ((value as Exclude<Value, 'no-preference'> | undefined) ?? before));
    const after: MetadataDefaultsRow = {
      owner: context.owner,
      httpTokens: chosen(HttpTokens, row?.httpTokens),
      httpEndpoint: chosen(HttpEndpoint, row?.httpEndpoint),
      instanceMetadataTags: chosen(InstanceMetadataTags, row?.instanceMetadataTags),
      httpPutResponseHopLimit:
        HttpPutResponseHopLimit === -1 ? undefined : (HttpPutResponseHopLimit ?? row?.httpPutResponseHopLimit),
      httpTokensEnforced:
        HttpTokensEnforced === 'disabled'
          ? 'disabled'
          : HttpTokensEnforced === 'no-preference'
            ? undefined
            : row?.httpTokensEnforced,
    };
    context.db.put(metadataDefaults, after);
    return { Return: true };
  },
});
