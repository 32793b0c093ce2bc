/** A part of user data and the MIME type by which cloud-init knows what to do with it. */
export interface UserDataPart {
  readonly type: 'text/x-shellscript' | 'text/cloud-config' | 'text/cloud-boothook';
  readonly text: string;
}

/** User data of several parts, as AWS documents it. */
export function multipart(...parts: UserDataPart[]): string {
  const boundary = '//';
  return [
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    'MIME-Version: 1.0',
    '',
    ...parts.flatMap(({ type, text }, index) => [
      `--${boundary}`,
      `Content-Type: ${type}; charset="us-ascii"`,
      'MIME-Version: 1.0',
      'Content-Transfer-Encoding: 7bit',
      `Content-Disposition: attachment; filename="part-${index}.txt"`,
      '',
      text,
    ]),
    `--${boundary}--`,
    '',
  ].join('\n');
}
