import { resolveConfiguration } from '../config/resolve.ts';
import type { Command } from './command.ts';
import type { Check, Finding } from './doctor/check.ts';

export const command: Command = {
  name: 'doctor',
  summary: 'checks whether this machine can run Fogbank, and says what to do',
  description:
    'Checks processors, rights, tools, network, memory, disk and the server. Whether KVM works is found out by booting a machine. Ends with code 1 when something is missing that Fogbank cannot do without.',
  settings: ['engine', 'listen', 'data', 'publicPool', 'uplink', 'accel', 'imageCache', 'warm'],
  options: [{ name: 'json', description: 'prints a JSON array instead' }],
  async run(invocation) {
    const configuration = await resolveConfiguration({ flags: invocation.settings, configFile: invocation.configFile });
    const { checksFor } = await import('./doctor/checks.ts');
    const json = invocation.has('json');
    const findings: (Finding & { name: string })[] = [];
    for (const check of checksFor(configuration)) {
      const finding = { name: check.name, ...(await perform(check)) };
      findings.push(finding);
      if (!json) process.stdout.write(describe(finding));
    }
    if (json) process.stdout.write(`${JSON.stringify(findings, undefined, 2)}\n`);
    const failed = findings.filter(finding => finding.level === 'fail').length;
    const warned = findings.filter(finding => finding.level === 'warn').length;
    if (!json) process.stdout.write(`${summary(failed, warned)}\n`);
    return failed > 0 ? 1 : 0;
  },
};

async function perform(check: Check): Promise<Finding> {
  try {
    return await check.run();
  } catch (error) {
    return { level: 'fail', detail: error instanceof Error ? error.message : String(error) };
  }
}

function describe(finding: Finding & { name: string }): string {
  const mark = { ok: 'OK  ', warn: 'warn', fail: 'FAIL' }[finding.level];
  const advice = finding.advice === undefined ? '' : `\n${' '.repeat(23)}→ ${finding.advice}`;
  return `${mark}  ${finding.name.padEnd(17)}${finding.detail}${advice}\n`;
}

function summary(failed: number, warned: number): string {
  if (failed > 0) return `\n${failed} of these must be mended before Fogbank can run here.`;
  return warned > 0 ? '\nFogbank can run here; see the warnings.' : '\nFogbank can run here.';
}
