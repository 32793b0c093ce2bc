import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Login } from './login.ts';
import { output } from './process.ts';

/** Packages that boto3 needs, all of them Python alone, so that they run in a guest with another Python. */
const packages = ['boto3', 'botocore', 'jmespath', 'dateutil', 'six', 'urllib3', 's3transfer'];

const collect = `
import importlib, os, sys, tarfile
target, services, names = sys.argv[1], sys.argv[2].split(','), sys.argv[3].split(',')
def wanted(info):
    if '__pycache__' in info.name: return None
    parts = info.name.split('/')
    if parts[:2] == ['botocore', 'data'] and len(parts) > 2 and '.json' not in parts[2] and parts[2] not in services: return None
    return info
with tarfile.open(target, 'w:gz', dereference=True) as tar:
    for name in names:
        file = importlib.import_module(name).__file__
        path = os.path.dirname(file) if os.path.basename(file) == '__init__.py' else file
        tar.add(path, os.path.basename(path), filter=wanted)
`;

/**
 * Brings this machine's boto3 into a guest that has Python, with the models of some services.
 * @returns what runs a Python program there, whose `boto3` calls the server by the address that guests know, and
 *   gives what it printed
 */
export async function guestPython(
  login: Login,
  services: readonly string[],
): Promise<(program: string) => Promise<string>> {
  const folder = await mkdtemp(join(tmpdir(), 'fogbank-python-'));
  try {
    const archive = join(folder, 'boto3.tar.gz');
    await output('python3', ['-c', collect, archive, services.join(','), packages.join(',')]);
    const text = (await readFile(archive)).toString('base64');
    await login.run('mkdir -p boto3-packages && base64 -d | tar -xz -C boto3-packages', text);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const settings = 'PYTHONPATH=boto3-packages AWS_DEFAULT_REGION=us-east-1 AWS_ENDPOINT_URL=http://169.254.169.254';
  return program => login.run(`${settings} python3 -`, `import time, boto3, botocore\n${program}\n`);
}
