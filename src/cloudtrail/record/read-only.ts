/** Names of actions that change nothing begin so. */
const readingNames = /^(?:BatchGet|Check|Decode|Describe|Get|List|Lookup|Preview|Query|Search|Simulate|Validate|View)/;

/** Actions that change no resource though they are not named so: whoever calls them gets credentials. */
const assuming = ['sts:AssumeRole', 'sts:AssumeRoleWithSAML', 'sts:AssumeRoleWithWebIdentity'];

/** Actions that change no resource though they are not named so. */
const furtherReads: ReadonlySet<string> = new Set([
  ...assuming,
  'kms:Encrypt',
  'kms:Decrypt',
  'kms:ReEncrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:GenerateRandom',
]);

/** Whether CloudTrail calls an action read-only. */
export function isReadOnly(service: string, action: string): boolean {
  return readingNames.test(action) || furtherReads.has(`${service}:${action}`);
}

/** Read-only actions whose answers are shown nevertheless, since credentials that come into being are worth a record. */
const shownAnswers: ReadonlySet<string> = new Set([...assuming, 'sts:GetFederationToken', 'sts:GetSessionToken']);

export function showsAnswer(service: string, action: string): boolean {
  return shownAnswers.has(`${service}:${action}`) || !isReadOnly(service, action);
}

/** Calls on data, which AWS leaves out of the event history and of trails that do not ask for them. */
const dataActions: ReadonlySet<string> = new Set([
  'cloudwatch:GetMetricData',
  'cloudwatch:GetMetricWidgetImage',
  'cloudwatch:PutMetricData',
  'ebs:GetSnapshotBlock',
  'ebs:ListChangedBlocks',
  'ebs:ListSnapshotBlocks',
  'ebs:PutSnapshotBlock',
]);

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html */
export function isDataEvent(service: string, action: string): boolean {
  return dataActions.has(`${service}:${action}`);
}
