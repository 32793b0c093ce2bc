import type { Configuration } from '../../config/resolve.ts';
import type { Check } from './check.ts';
import { networkChecks } from './network.ts';
import { portCheck, serverChecks } from './server.ts';
import { systemChecks } from './system.ts';
import { virtualizationChecks } from './virtualization.ts';
import { warmCheck } from './warm.ts';

/** The checks that matter to a configuration, the quick ones first. The simulator needs neither root nor tools. */
export function checksFor(configuration: Configuration): Check[] {
  const everywhere = [...systemChecks(configuration), portCheck(configuration), ...serverChecks(configuration)];
  if (configuration.engine === 'simulator') return everywhere;
  return [
    ...everywhere,
    ...networkChecks(configuration),
    ...virtualizationChecks(configuration),
    warmCheck(configuration),
  ];
}
