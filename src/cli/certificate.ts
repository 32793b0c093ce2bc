import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { resolveConfiguration } from '../config/resolve.ts';
import { UserError } from '../config/user-error.ts';
import type { Command } from './command.ts';

const kinds = ['rsa2048', 'rsa', 'dsa'] as const;

export const command: Command = {
  name: 'certificate',
  summary: 'prints the certificate that instance identity documents are signed with',
  description:
    'Prints a certificate in PEM, as AWS publishes its own for each region: rsa2048 (default) verifies the item rsa2048 of the metadata service, rsa verifies signature, dsa verifies pkcs7. It belongs to this data folder alone.',
  positionals: [{ name: 'KIND', required: false, choices: kinds }],
  settings: ['data'],
  async run(invocation) {
    const { dataDir } = await resolveConfiguration({ flags: invocation.settings, configFile: invocation.configFile });
    // Keys of a server that does not exist would be of no use to anybody.
    if (!existsSync(dataDir)) throw new UserError(`there is no data folder ${dataDir} yet`, 'fogbank up makes it.');
    const kind = kinds.find(candidate => candidate === invocation.positionals[0]) ?? 'rsa2048';
    const { createIdentitySigner } = await import('../metadata/identity/signer.ts');
    process.stdout.write(await createIdentitySigner({ dir: join(dataDir, 'identity') }).certificate(kind));
    return 0;
  },
};
