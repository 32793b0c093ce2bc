import type { GenerateCredentialReportResponse, GetCredentialReportResponse } from '@aws-sdk/client-iam';
import { accounts } from '../../accounts/model.ts';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { rootArn } from '../arns.ts';
import { accessKeys, keyHolder } from '../keys/model.ts';
import { loginProfiles } from '../login/model.ts';
import { mfaDevices } from '../mfa/model.ts';
import { type UserRow, userArn, users } from '../users/model.ts';
import { credentialReports, settingsOf } from './model.ts';

/** Milliseconds that a report is good for: asked for again, the same comes back. */
const lifetime = 4 * 3600 * 1000;
const day = 24 * 3600 * 1000;

const columns = [
  'user',
  'arn',
  'user_creation_time',
  'password_enabled',
  'password_last_used',
  'password_last_changed',
  'password_next_rotation',
  'mfa_active',
  'access_key_1_active',
  'access_key_1_last_rotated',
  'access_key_1_last_used_date',
  'access_key_1_last_used_region',
  'access_key_1_last_used_service',
  'access_key_2_active',
  'access_key_2_last_rotated',
  'access_key_2_last_used_date',
  'access_key_2_last_used_region',
  'access_key_2_last_used_service',
  'cert_1_active',
  'cert_1_last_rotated',
  'cert_2_active',
  'cert_2_last_rotated',
];

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateCredentialReport.html */
const generateCredentialReport = writeOperation<object, GenerateCredentialReportResponse>({
  service: 'iam',
  name: 'GenerateCredentialReport',
  resources: () => ['*'],
  run: (_input, context) => {
    const { db, account, now } = context;
    const present = db.get(credentialReports, account);
    if (present !== undefined && now - present.generated < lifetime) return { State: 'COMPLETE' };
    db.put(credentialReports, { account, generated: now, content: reportOf(context) });
    return { State: 'STARTED', Description: 'No report exists. Starting a new report generation task' };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetCredentialReport.html */
const getCredentialReport = readOperation<object, GetCredentialReportResponse>({
  service: 'iam',
  name: 'GetCredentialReport',
  resources: () => ['*'],
  run: (_input, { db, account, now }) => {
    const report = db.get(credentialReports, account);
    if (report === undefined) {
      throw new ApiError('ReportNotPresent', 'No report exists. Ask for one with GenerateCredentialReport.', 410);
    }
    if (now - report.generated >= lifetime) {
      throw new ApiError(
        'ReportExpired',
        'The report is out of date. Ask for a new one with GenerateCredentialReport.',
        410,
      );
    }
    return {
      Content: Buffer.from(report.content),
      ReportFormat: 'text/csv',
      GeneratedTime: new Date(report.generated),
    };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html */
function reportOf(context: ReadContext): string {
  const { db, account } = context;
  const created = time(db.get(accounts, account)?.created);
  const root = [
    '<root_account>',
    rootArn(account),
    created,
    'not_supported',
    ...na(1),
    ...Array(2).fill('not_supported'),
  ];
  const lines = [
    columns,
    [...root, 'false', ...keysOf(context, undefined), ...noCertificates],
    ...db.by(users, 'account', account).map(row => userLine(context, row)),
  ];
  return `${lines.map(line => line.map(field).join(',')).join('\n')}\n`;
}

/** Names may have commas. */
const field = (text: string): string => (text.includes(',') ? `"${text}"` : text);

const na = (count: number): string[] => Array(count).fill('N/A');
const noCertificates = ['false', 'N/A', 'false', 'N/A'];

function time(milliseconds: number | undefined): string {
  return milliseconds === undefined ? 'N/A' : new Date(milliseconds).toISOString().replace(/\.\d+Z$/, '+00:00');
}

function userLine(context: ReadContext, row: UserRow): string[] {
  const { db, account } = context;
  const profile = db.get(loginProfiles, row.userId);
  const maxAge = settingsOf(db, account).passwordPolicy?.maxAge;
  const rotation = profile === undefined || maxAge === undefined ? undefined : profile.changed + maxAge * day;
  return [
    row.userName,
    userArn(row),
    time(row.createDate),
    String(profile !== undefined),
    profile === undefined ? 'N/A' : 'no_information',
    time(profile?.changed),
    time(rotation),
    String(db.countBy(mfaDevices, 'user', row.userId) > 0),
    ...keysOf(context, row.userId),
    ...noCertificates,
  ];
}

/** Of two keys: whether it is active, since when it is there, and its last use. */
function keysOf({ db, account, services }: ReadContext, userId: string | undefined): string[] {
  const keys = db.by(accessKeys, 'holder', keyHolder(account, userId));
  return [keys[0], keys[1]].flatMap(key => {
    if (key === undefined) return ['false', ...na(4)];
    const used = services.lastUse.of(db, key.accessKeyId);
    return [
      String(key.status === 'Active'),
      time(key.createDate),
      time(used?.date),
      used?.region ?? 'N/A',
      used?.service ?? 'N/A',
    ];
  });
}

export const credentialReportOperations: readonly AnyOperation[] = [generateCredentialReport, getCredentialReport];
