import { ApiError } from '../../api/errors.ts';
import type { OperationModel, ServiceModel } from '../../models/models.ts';
import { parametersOf, single } from './ec2-query.ts';
import type { DecodedRequest, Protocol, WireRequest, WireResponse } from './protocol.ts';
import { QueryInput } from './query-input.ts';
import { shown, validationMessage } from './validation.ts';
import { escapeXml, XmlWriter } from './xml.ts';

/**
 * The query protocol of IAM, STS, Auto Scaling, and of CloudWatch for older clients. Its services pass over
 * parameters that they do not know.
 * @see https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
 */
export const awsQuery: Protocol = { decode, encode, encodeError };

const contentType = { 'content-type': 'text/xml' };
const writer = new XmlWriter(false);

const input = new QueryInput({
  nameOf: member => member.xmlName,
  flatLists: false,
  unknown: () => undefined,
  invalid: (path, value, expectation) =>
    new ApiError('MalformedInput', `Value (${shown(value)}) for parameter ${path} is invalid. ${expectation}.`),
  missing: (_path, members) => new ApiError('ValidationError', validationMessage(members)),
  repeated: path => new ApiError('MalformedInput', `The parameter ${path} is given more than once`),
});

function decode(model: ServiceModel, request: WireRequest): DecodedRequest {
  const parameters = parametersOf(request);
  const action = single(parameters, 'Action');
  if (!action) throw new ApiError('MissingAction', 'The request must contain the parameter Action');
  const version = single(parameters, 'Version') ?? 'NO_VERSION_SPECIFIED';
  const operation = version === model.apiVersion ? model.operation(action) : undefined;
  if (!operation) {
    throw new ApiError('InvalidAction', `Could not find operation ${shown(action)} for version ${shown(version)}`);
  }
  const members = parameters.filter(([name]) => name !== 'Action' && name !== 'Version');
  return { operation, input: input.decode(operation.input, members) };
}

function encode(model: ServiceModel, { name, output: shape }: OperationModel, output: unknown, requestId: string) {
  const result = shape ? `<${name}Result>${writer.encoder(shape)(output ?? {})}</${name}Result>` : '';
  const body =
    `<${name}Response xmlns="${model.xmlNamespace}">${result}` +
    `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${name}Response>`;
  return { status: 200, headers: contentType, body };
}

function encodeError(model: ServiceModel, error: ApiError, requestId: string): WireResponse {
  const known = model.error(error.code);
  const status = known?.status ?? error.status;
  const body =
    `<ErrorResponse xmlns="${model.xmlNamespace}"><Error><Type>${status < 500 ? 'Sender' : 'Receiver'}</Type>` +
    `<Code>${escapeXml(known?.queryCode ?? error.code)}</Code><Message>${escapeXml(error.message)}</Message></Error>` +
    `<RequestId>${requestId}</RequestId></ErrorResponse>`;
  return { status, headers: contentType, body };
}
