import { expect, test } from 'vitest';
import { createTestIam } from './testing.ts';

test.each([
  ['ListSSHPublicKeys', 'SSHPublicKeys'],
  ['ListSigningCertificates', 'Certificates'],
  ['ListServiceSpecificCredentials', 'ServiceSpecificCredentials'],
])('%s of a user is empty', async (operation, member) => {
  const api = createTestIam();
  await api.iam('CreateUser', { UserName: 'bob' });
  expect(await api.iam(operation, { UserName: 'bob' })).toEqual({ [member]: [], IsTruncated: false });
  expect(await api.code(operation, { UserName: 'nobody' })).toBe('NoSuchEntity');
});

test('ListServerCertificates and ListSAMLProviders are empty', async () => {
  const api = createTestIam();
  expect(await api.iam('ListServerCertificates')).toEqual({ ServerCertificateMetadataList: [], IsTruncated: false });
  expect(await api.code('ListServerCertificates', { PathPrefix: 'x' })).toBe('ValidationError');
  expect(await api.iam('ListSAMLProviders')).toEqual({ SAMLProviderList: [] });
});
