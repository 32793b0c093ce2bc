import { ApiError } from '../../api/errors.ts';
import type { OperationModel, ServiceModel } from '../../models/models.ts';
import { checkRequired, decodeJsonMembers, jsonEncoder, parseJson } from './json-codec.ts';
import type { DecodedRequest, Protocol, WireRequest, WireResponse } from './protocol.ts';
import { shown } from './validation.ts';

/**
 * AWS JSON 1.0 and 1.1: the operation is in X-Amz-Target, input and output are JSON bodies.
 * @see https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
 * @see https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait
 */
export const awsJson: Protocol = { decode, encode, encodeError };

function decode(model: ServiceModel, request: WireRequest): DecodedRequest {
  const target = String(request.headers['x-amz-target'] ?? '');
  const operation = model.operation(target.slice(target.lastIndexOf('.') + 1));
  if (!operation) {
    throw new ApiError(
      'UnknownOperationException',
      `${model.name} has no operation ${shown(target) || '(none named)'}`,
    );
  }
  const json = parseJson(request.body);
  if (!operation.input) return { operation, input: {} };
  const input = decodeJsonMembers(operation.input.members, json);
  checkRequired(operation.input, input);
  return { operation, input };
}

function encode(model: ServiceModel, operation: OperationModel, output: unknown, requestId: string): WireResponse {
  const body = operation.output ? jsonEncoder(operation.output)(output ?? {}) : '{}';
  return { status: 200, headers: headersOf(model, requestId), body };
}

function headersOf(model: ServiceModel, requestId: string): Record<string, string> {
  return {
    'content-type': `application/x-amz-json-${model.jsonVersion}`,
    'x-amzn-requestid': requestId,
  };
}

function encodeError(model: ServiceModel, error: ApiError, requestId: string): WireResponse {
  const known = model.error(error.code);
  const status = known?.status ?? statusOf(error.status);
  const name = known?.shapeName ?? error.code;
  const headers = headersOf(model, requestId);
  if (model.queryCompatible) {
    headers['x-amzn-query-error'] = `${known?.queryCode ?? error.code};${status < 500 ? 'Sender' : 'Receiver'}`;
  }
  const type = model.queryCompatible ? `${model.namespace}#${name}` : name;
  return { status, headers, body: JSON.stringify({ __type: type, message: error.message }) };
}

/** These services answer what the caller did wrong with 400, whatever it was, unless the model says otherwise. */
function statusOf(status: number): number {
  return [401, 402, 403, 404, 409, 412].includes(status) ? 400 : status;
}
