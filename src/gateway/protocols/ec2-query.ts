import { ApiError } from '../../api/errors.ts';
import type { OperationModel, ServiceModel } from '../../models/models.ts';
import type { Member } from '../../models/shapes.ts';
import { FormError, parseFormBody } from './form.ts';
import type { DecodedRequest, Parameter, Protocol, WireRequest, WireResponse } from './protocol.ts';
import { QueryInput } from './query-input.ts';
import { shown } from './validation.ts';
import { escapeXml, XmlWriter } from './xml.ts';

/**
 * EC2's own query protocol: form parameters in, XML out.
 * @see https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 */
export const ec2Query: Protocol = { decode, encode, encodeError };

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
const contentType = { 'content-type': 'text/xml;charset=UTF-8' };
const writer = new XmlWriter(true);

/** Control characters other than tab and line ends have no form in the XML that would have to show them again. */
const refusedCharacter = /[\uFFFE\uFFFF]|(?![\t\n\r\u007F-\u009F])\p{Cc}/u;

const input = new QueryInput({
  nameOf: member => member.queryName,
  flatLists: true,
  unknown: path => new ApiError('UnknownParameter', `The parameter ${shown(path)} is not recognized`),
  invalid: (path, value, expectation) =>
    new ApiError('InvalidParameterValue', `Value (${shown(value)}) for parameter ${path} is invalid. ${expectation}.`),
  missing: (_path, members) => new ApiError('MissingParameter', `The request must contain the parameter ${members[0]}`),
  repeated: path => new ApiError('MalformedQueryString', `The parameter ${path} is given more than once`),
  checkString: (path, value) => {
    if (refusedCharacter.test(value)) {
      throw new ApiError('InvalidCharacter', `The value of parameter ${path} contains a control character`);
    }
  },
});

function decode(model: ServiceModel, request: WireRequest): DecodedRequest {
  const parameters = parametersOf(request);
  const operation = operationOf(model, parameters);
  const members = parameters.filter(([name]) => name !== 'Action' && name !== 'Version');
  return { operation, input: input.decode(operation.input, members) };
}

/** Parameters of the URL and of the body together, as the query services read them. @throws ApiError */
export function parametersOf(request: WireRequest): Parameter[] {
  try {
    return [...request.query, ...parseFormBody(request.body)];
  } catch (error) {
    if (error instanceof FormError) throw new ApiError('MalformedQueryString', error.message);
    throw error;
  }
}

function operationOf(model: ServiceModel, parameters: readonly Parameter[]): OperationModel {
  const action = single(parameters, 'Action');
  if (!action) throw new ApiError('MissingAction', 'The request must contain the parameter Action');
  const version = single(parameters, 'Version');
  if (!version) throw new ApiError('MissingParameter', 'The request must contain the parameter Version');
  if (version !== model.apiVersion) {
    throw new ApiError('NoSuchVersion', `The requested version (${shown(version)}) of service ec2 does not exist`);
  }
  const operation = model.operation(action);
  if (!operation) throw new ApiError('InvalidAction', `The action ${shown(action)} is not valid for this web service.`);
  return operation;
}

/** The value of a parameter that may be given once. @throws ApiError */
export function single(parameters: readonly Parameter[], name: string): string | undefined {
  let found: string | undefined;
  for (const [other, value] of parameters) {
    if (other !== name) continue;
    if (found !== undefined) {
      throw new ApiError('MalformedQueryString', `The parameter ${name} is given more than once`);
    }
    found = value;
  }
  return found;
}

function encode(model: ServiceModel, { name, output: shape }: OperationModel, output: unknown, requestId: string) {
  let members: string;
  if (!shape) members = '<return>true</return>';
  else members = writer.encoder(shape)(withReturn(shape.members, output ?? {}));
  const body =
    `${declaration}<${name}Response xmlns="${model.xmlNamespace}/">` +
    `<requestId>${requestId}</requestId>${members}</${name}Response>`;
  return { status: 200, headers: contentType, body };
}

/** Where EC2 models a `Return` member, success is what an answer that is no error says. In two it is a string. */
function withReturn(members: readonly Member[], output: unknown): unknown {
  const member = members.find(({ name }) => name === 'Return');
  if (!member) return output;
  return { Return: member.shape.kind === 'string' ? 'true' : true, ...(output as Record<string, unknown>) };
}

function encodeError(_model: ServiceModel, error: ApiError, requestId: string): WireResponse {
  const body =
    `${declaration}<Response><Errors><Error><Code>${escapeXml(error.code)}</Code>` +
    `<Message>${escapeXml(error.message)}</Message></Error></Errors><RequestID>${requestId}</RequestID></Response>`;
  return { status: error.status, headers: contentType, body };
}
