import { fileURLToPath } from 'node:url';
import { DecryptCommand, GetKeyRotationStatusCommand, KMSClient, ListAliasesCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skipped } from '../support/process.ts';
import { sdkSettings } from '../support/sdk.ts';
import { pools, startServer, type TestServer } from '../support/server.ts';
import { TerraformProject } from '../support/terraform.ts';

/* Keys, aliases, grants and key policies in Terraform, and disks under them. It is in terraform-kms/. */

const source = fileURLToPath(new URL('./terraform-kms', import.meta.url));
const { project, problem } = await TerraformProject.open(source);
const skip = skipped('tests of KMS with Terraform', problem);

describe.skipIf(skip)('keys in Terraform', () => {
  let server: TestServer;
  let kms: KMSClient;
  const key = async () => (await project.outputs()).key as { id: string; by_alias: string; ciphertext: string };

  beforeAll(async () => {
    server = await startServer({ engine: 'simulator', publicPool: pools.terraformKms });
    project.env = server.env;
    kms = new KMSClient(sdkSettings(server.env));
  });
  afterAll(async () => {
    await server?.stop();
    await project.remove();
  });

  test('applies, and plans nothing on the second run', async () => {
    const result = await project.run('apply', '-auto-approve');
    expect(result.stdout).toMatch(/Apply complete! Resources: 14 added, 0 changed, 0 destroyed/);
    expect(await project.planned()).toBe('no changes');
  });

  test('makes a key that decrypts what Terraform encrypted', async () => {
    const { id, by_alias, ciphertext } = await key();
    expect(by_alias).toBe(id);
    const CiphertextBlob = Buffer.from(ciphertext, 'base64');
    const read = await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: { app: 'web' } }));
    expect(Buffer.from(read.Plaintext ?? []).toString()).toBe('a word');
    await expect(kms.send(new DecryptCommand({ CiphertextBlob }))).rejects.toThrow(/ciphertext/);
  });

  test('encrypts disks and copies under the keys that were named, or are the default', async () => {
    const yes = true;
    expect((await project.outputs()).disks).toEqual({ default: yes, usual: yes, named: yes, cut: yes, copy: yes });
  });

  test('changes the rotation, and nothing else', async () => {
    await project.configure({ rotation_days: 365 });
    const result = await project.run('apply', '-auto-approve');
    expect(result.stdout).toContain('0 added, 1 changed, 0 destroyed');
    expect(await project.planned()).toBe('no changes');
    const { id } = await key();
    const status = await kms.send(new GetKeyRotationStatusCommand({ KeyId: id }));
    expect(status).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays: 365 });
  });

  test('destroys', async () => {
    await project.run('destroy', '-auto-approve');
    expect((await project.run('state', 'list')).stdout).toBe('');
    expect((await kms.send(new ListAliasesCommand({}))).Aliases).toEqual([]);
  });
});
