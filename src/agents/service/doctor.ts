import type { DoctorSetup } from '../../core/agent.ts';
import { doubtful, type Finding, fine, runCheck } from '../../core/finding.ts';
import type { ServiceConfig } from './config.ts';
import { openSystemd } from './unit.ts';

/** Whether systemd knows each unit that callers may work on. */
export async function doctorService({ config, run, signal }: DoctorSetup<ServiceConfig>): Promise<readonly Finding[]> {
  const units = Object.keys(config.units);
  if (units.length === 0) {
    return [doubtful('service', 'no unit may be worked on', 'list them as agents.service.units in node.yaml')];
  }
  const systemd = openSystemd(config, run);
  const each = units.map((unit) =>
    runCheck('service', 'correct agents.service.units in node.yaml', async () => {
      const { state, enabled } = await systemd.show(unit, signal);
      return fine('service', `${unit} is ${state}${enabled === '' ? '' : `, ${enabled}`}`);
    }),
  );
  return (await Promise.all(each)).flat();
}
