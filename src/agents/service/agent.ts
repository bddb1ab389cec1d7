import { type ActionContext, type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import { Problem } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import { changeUnit } from './change.ts';
import type { ServiceConfig, UnitAction } from './config.ts';
import { serviceDdl } from './ddl.ts';
import { openSystemd, type UnitState } from './unit.ts';

/** Works on those units of systemd that node.yaml lists, and does to each only what is listed there. */
export async function startService({ config, run }: AgentSetup<ServiceConfig>): Promise<Agent> {
  const systemd = openSystemd(config, run);
  const act =
    (action: UnitAction) =>
    async ({ service }: { readonly service: string }, context: ActionContext) => {
      const { unit, changed } = await changeUnit(action, allowed(service, config, action), systemd, config, context);
      return { ...outputOf(unit), changed };
    };
  const handlers = defineHandlers(serviceDdl, {
    status: async ({ service }, { signal }) => outputOf(await systemd.show(allowed(service, config), signal)),
    start: act('start'),
    stop: act('stop'),
    restart: act('restart'),
    reload: act('reload'),
    enable: act('enable'),
    disable: act('disable'),
  });
  return { handlers };
}

/** @returns the unit's full name @throws Problem `not-allowed` */
function allowed(service: string, { units }: ServiceConfig, action?: UnitAction): string {
  const unit = /\.(service|socket|timer|target|path|mount)$/.test(service) ? service : `${service}.service`;
  const actions = Object.hasOwn(units, unit) ? (units[unit] ?? []) : undefined;
  if (actions === undefined) {
    const names = Object.keys(units);
    const hint = names.length === 0 ? 'agents.service.units in its node.yaml lists none' : suggest(unit, names);
    throw new Problem('not-allowed', `${unit} is not on this node's list of services`, hint);
  }
  if (action !== undefined && !actions.includes(action)) {
    const may = actions.length === 0 ? 'only its status may be read' : `it allows ${actions.join(', ')}`;
    throw new Problem('not-allowed', `this node does not allow “${action}” of ${unit}`, may);
  }
  return unit;
}

function outputOf({ unit, state, detail, enabled, pid, since }: UnitState) {
  return { service: unit, state, detail, enabled, pid, since };
}
