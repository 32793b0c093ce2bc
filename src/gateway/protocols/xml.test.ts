import { describe, expect, it } from 'vitest';
import { operation, serviceModel } from '../../models/models.ts';
import { awsQuery } from './aws-query.ts';
import { ec2Query } from './ec2-query.ts';
import { escapeXml } from './xml.ts';

describe('escapeXml', () => {
  it('escapes markup, and line ends that XML would turn into others', () => {
    expect(escapeXml('a<b>&"\'c\r\n\td')).toBe('a&lt;b&gt;&amp;"\'c&#13;\n\td');
  });

  it('replaces what XML 1.0 has no form for, and nothing else', () => {
    expect(escapeXml('\0\u0008\u000B\u001B[0m\uFFFE')).toBe('\uFFFD\uFFFD\uFFFD\uFFFD[0m\uFFFD');
    expect(escapeXml('\u007F\u0085\u009Fü😀')).toBe('\u007F\u0085\u009Fü😀');
  });
});

function encoded(service: 'ec2' | 'iam' | 'sts', name: string, output: unknown): string {
  const found = operation(service, name);
  if (!found) throw new Error(`no ${name}`);
  const protocol = service === 'ec2' ? ec2Query : awsQuery;
  return String(protocol.encode(serviceModel(service), found, output, 'id').body);
}

describe('EC2 answers', () => {
  const open = '<?xml version="1.0" encoding="UTF-8"?>\n<';
  const namespace = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>id</requestId>';

  it('begin with the request id and have the names of the wire', () => {
    const output = { Reservations: [{ ReservationId: 'r-1', Instances: [{ InstanceId: 'i-1', AmiLaunchIndex: 0 }] }] };
    expect(encoded('ec2', 'DescribeInstances', output)).toBe(
      `${open}DescribeInstancesResponse ${namespace}<reservationSet><item>` +
        '<reservationId>r-1</reservationId><instancesSet><item><instanceId>i-1</instanceId>' +
        '<amiLaunchIndex>0</amiLaunchIndex></item></instancesSet></item></reservationSet></DescribeInstancesResponse>',
    );
  });

  it('show empty lists and leave out what is absent', () => {
    const output = { Reservations: [], NextToken: undefined };
    const body = `${open}DescribeInstancesResponse ${namespace}<reservationSet/></DescribeInstancesResponse>`;
    expect(encoded('ec2', 'DescribeInstances', output)).toBe(body);
  });

  it('say true where there is nothing else to say', () => {
    const body = (name: string) => `${open}${name}Response ${namespace}<return>true</return></${name}Response>`;
    expect(encoded('ec2', 'DeleteVolume', undefined)).toBe(body('DeleteVolume'));
    expect(encoded('ec2', 'DeletePlacementGroup', {})).toBe(body('DeletePlacementGroup'));
    expect(encoded('ec2', 'DeleteKeyPair', undefined)).toBe(body('DeleteKeyPair'));
    expect(encoded('ec2', 'DeleteKeyPair', { Return: false })).toContain('<return>false</return>');
  });

  it('show milliseconds always, those of query services only when there are some', () => {
    const launchTime = { Reservations: [{ Instances: [{ LaunchTime: new Date(0) }] }] };
    expect(encoded('ec2', 'DescribeInstances', launchTime)).toContain('>1970-01-01T00:00:00.000Z<');
    expect(encoded('iam', 'GetRole', { Role: { CreateDate: new Date(0) } })).toContain('>1970-01-01T00:00:00Z<');
    expect(encoded('iam', 'GetRole', { Role: { CreateDate: new Date(1) } })).toContain('>1970-01-01T00:00:00.001Z<');
  });

  it.each([
    [{ Reservations: {} }, 'DescribeInstancesResult.Reservations: expected an array'],
    [{ Reservations: [null] }, 'expected an object'],
    [{ NextToken: 1 }, 'DescribeInstancesResult.NextToken: expected a string'],
    ['text', 'expected an object'],
  ])('are not made of %j', (output, message) => {
    expect(() => encoded('ec2', 'DescribeInstances', output)).toThrow(message);
  });
});

describe('answers of query services', () => {
  it('wrap the result and end with the request id', () => {
    expect(encoded('sts', 'GetCallerIdentity', { Account: '000000000000', Arn: 'a', UserId: 'u' })).toBe(
      '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>' +
        '<UserId>u</UserId><Account>000000000000</Account><Arn>a</Arn></GetCallerIdentityResult>' +
        '<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></GetCallerIdentityResponse>',
    );
  });
});
