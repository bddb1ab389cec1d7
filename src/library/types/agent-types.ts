import type { ActionDdl, Ddl } from '../../core/ddl/ddl.ts';
import { comment, typeOf } from './schema-type.ts';

/** The interface `Agents` for agents by their descriptions: the types of inputs and outputs for `call()`. */
export function agentsInterface(ddls: readonly Ddl[], indent = ''): string {
  const inner = `${indent}  `;
  const agents = ddls.map(
    (ddl) => `${comment(ddl.description, inner)}${inner}${keyOf(ddl.name)}: ${agentType(ddl, inner)};`,
  );
  return `${indent}export interface Agents {\n${agents.join('\n')}\n${indent}}\n`;
}

/** A module with the TypeScript types of custom agents. */
export function siteTypes(ddls: readonly Ddl[]): string {
  const head = '// Written by “mco-deploy agent types”: do not edit. Include it in your TypeScript project.\n';
  return `${head}import 'mco-deploy';\n\ndeclare module 'mco-deploy' {\n${agentsInterface(ddls, '  ').replace('  export ', '  ')}}\n`;
}

function agentType({ actions }: Ddl, indent: string): string {
  const inner = `${indent}  `;
  const lines = Object.entries(actions).map(
    ([name, action]) => `${comment(action.description, inner)}${inner}${keyOf(name)}: ${actionType(action, inner)};`,
  );
  return `{\n${lines.join('\n')}\n${indent}}`;
}

function actionType({ input, output }: ActionDdl, indent: string): string {
  const inner = `${indent}  `;
  return `{\n${inner}input: ${typeOf(input, 'input', inner)};\n${inner}output: ${typeOf(output, 'output', inner)};\n${indent}}`;
}

function keyOf(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}
