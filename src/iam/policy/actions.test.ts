import { expect, it } from 'vitest';
import { applies } from './testing.ts';

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html */
const cases: readonly (readonly [words: string, element: object, action: string, applies: boolean])[] = [
  ['the action itself', { Action: 'ec2:StopInstances' }, 'ec2:StopInstances', true],
  ['another action of the service', { Action: 'ec2:StopInstances' }, 'ec2:StartInstances', false],
  ['the same action of another service', { Action: 'ec2:CreateTags' }, 'autoscaling:CreateTags', false],
  ['names are not case-sensitive', { Action: 'ec2:stopinstances' }, 'ec2:StopInstances', true],
  ['services are not case-sensitive', { Action: 'EC2:StopInstances' }, 'ec2:StopInstances', true],
  ['what only begins like it', { Action: 'ec2:Stop' }, 'ec2:StopInstances', false],
  ['what it begins with', { Action: 'ec2:StopInstances' }, 'ec2:Stop', false],
  ['one of a list', { Action: ['ec2:StartInstances', 'ec2:StopInstances'] }, 'ec2:StopInstances', true],
  ['none of a list', { Action: ['ec2:StartInstances', 'ec2:RunInstances'] }, 'ec2:StopInstances', false],
  ['* alone is every action of every service', { Action: '*' }, 'iam:CreateUser', true],
  ['*:* is every action too', { Action: '*:*' }, 'ssm:SendCommand', true],
  ['all of a service', { Action: 'ec2:*' }, 'ec2:RunInstances', true],
  ['all of a service is not all of others', { Action: 'ec2:*' }, 'ec2messages:GetEndpoint', false],
  ['* at the end', { Action: 'ec2:Describe*' }, 'ec2:DescribeInstances', true],
  ['* at the end, another verb', { Action: 'ec2:Describe*' }, 'ec2:StopInstances', false],
  ['* stands for nothing too', { Action: 'ec2:StopInstances*' }, 'ec2:StopInstances', true],
  ['* at the beginning of the name', { Action: 'ec2:*Instances' }, 'ec2:StopInstances', true],
  ['* at the beginning, another noun', { Action: 'ec2:*Instances' }, 'ec2:StopInstance', false],
  ['* on both sides', { Action: 'iam:*AccessKey*' }, 'iam:ListAccessKeys', true],
  ['* on both sides, without the middle', { Action: 'iam:*AccessKey*' }, 'iam:ListUsers', false],
  ['* in the middle', { Action: 'ec2:Describe*Attribute' }, 'ec2:DescribeInstanceAttribute', true],
  ['* in the middle, another end', { Action: 'ec2:Describe*Attribute' }, 'ec2:DescribeInstanceStatus', false],
  ['two * in one name', { Action: 'ec2:D*I*s' }, 'ec2:DescribeInstances', true],
  ['? is one character', { Action: 'ec2:DescribeInstance?' }, 'ec2:DescribeInstances', true],
  ['? is not none', { Action: 'ec2:DescribeInstances?' }, 'ec2:DescribeInstances', false],
  ['? is not two', { Action: 'ec2:Describe?' }, 'ec2:DescribeIt', false],
  ['several ?', { Action: 'ec2:Sto?Instan??s' }, 'ec2:StopInstances', true],
  ['wildcards do not make names case-sensitive', { Action: 'EC2:desc*' }, 'ec2:DescribeInstances', true],
  ['a dot is a dot', { Action: 'ec2:Stop.nstances' }, 'ec2:StopInstances', false],
  ['NotAction leaves its action out', { NotAction: 'ec2:StopInstances' }, 'ec2:StopInstances', false],
  ['NotAction is every other action', { NotAction: 'ec2:StopInstances' }, 'ec2:StartInstances', true],
  ['NotAction is actions of other services too', { NotAction: 'ec2:*' }, 'iam:CreateUser', true],
  ['NotAction with a wildcard', { NotAction: 'iam:*' }, 'iam:CreateUser', false],
  ['NotAction leaves out all of its list', { NotAction: ['iam:*', 'sts:*'] }, 'sts:AssumeRole', false],
  ['NotAction, none of its list', { NotAction: ['iam:*', 'sts:*'] }, 'ec2:RunInstances', true],
  ['NotAction is not case-sensitive', { NotAction: 'EC2:STOPINSTANCES' }, 'ec2:StopInstances', false],
  ['NotAction of everything is nothing', { NotAction: '*' }, 'ec2:StopInstances', false],
];

it.each(cases)('%s: %j, %s', (_words, element, action, expected) => {
  expect(applies(element, { action })).toBe(expected);
});

it('the case in which an action is asked for does not matter either', () => {
  expect(applies({ Action: 'ec2:StopInstances' }, { action: 'EC2:STOPINSTANCES' })).toBe(true);
});
