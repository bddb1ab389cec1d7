/** Every schema that is built into the program: what the build compiles to validators. */
import { choriaDdlSchema } from './agents/external/format.ts';
import { agents } from './agents/index.ts';
import { fleetSchema } from './client/fleet-file/schema.ts';
import { clientConfigSchema } from './library/config/config.ts';
import { ddlSchema } from './core/ddl/outside-ddl.ts';
import { helperSettingsSchema } from './daemon/config-helper/settings.ts';
import { nodeConfigSchema } from './daemon/config/schema.ts';
import { relaySourcesSchema } from './discovery/sections/schema.ts';
import { playbookSchema } from './playbook/source/schema.ts';

/** A schema and the id it goes by wherever it is checked (`validatorOf`). */
export interface BuiltInSchema {
  readonly id: string;
  readonly schema: object;
}

export const schemas: readonly BuiltInSchema[] = [
  { id: 'config/node', schema: nodeConfigSchema },
  { id: 'config/client', schema: clientConfigSchema },
  { id: 'config/relay-sources', schema: relaySourcesSchema },
  { id: 'config/helper', schema: helperSettingsSchema },
  { id: 'fleet', schema: fleetSchema },
  { id: 'playbook', schema: playbookSchema },
  { id: 'ddl', schema: ddlSchema },
  { id: 'choria-ddl', schema: choriaDdlSchema },
  ...agents.flatMap(({ ddl, config }) => [
    { id: `agent/${ddl.name}/config`, schema: config },
    ...Object.entries(ddl.actions).map(([action, { input }]) => ({
      id: `agent/${ddl.name}/${action}/input`,
      schema: input,
    })),
  ]),
];
