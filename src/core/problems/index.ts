import { agentProblems } from './agents/agents.ts';
import { appmgrProblems } from './agents/appmgr.ts';
import { haproxyProblems } from './agents/haproxy.ts';
import { systemProblems } from './agents/system.ts';
import { auditProblems } from './audit.ts';
import { caProblems } from './ca.ts';
import { certificateProblems } from './certificates.ts';
import type { ProblemEntry } from './define.ts';
import { installProblems } from './install.ts';
import { networkProblems } from './network.ts';
import { publishProblems } from './publish.ts';
import { relayProblems } from './relays.ts';
import { requestProblems } from './requests.ts';
import { runProblems } from './runs.ts';
import { usageProblems } from './usage.ts';

/** All problem codes by topic: the source of docs/errors.md and of “mco-deploy explain”. */
export const problemTopics = {
  'Commands and configuration': usageProblems,
  'Finding and reaching nodes': networkProblems,
  Relays: relayProblems,
  'Certificates and keys': certificateProblems,
  'The certificate authority': caProblems,
  Requests: requestProblems,
  'Load balancers': haproxyProblems,
  'Applications and releases': appmgrProblems,
  'Publishing artifacts': publishProblems,
  'Monitoring, notifications and external agents': agentProblems,
  'Services and packages': systemProblems,
  'Playbooks and runs': runProblems,
  'The audit log': auditProblems,
  'Installing nodes': installProblems,
} as const;

type Topics = typeof problemTopics;

/** Every code that the program reports. A new one needs an entry in one of the topics. */
export type ProblemCode = { [Topic in keyof Topics]: keyof Topics[Topic] }[keyof Topics];

const entries: ReadonlyMap<string, ProblemEntry> = new Map(
  Object.values(problemTopics).flatMap((topic) => Object.entries<ProblemEntry>(topic)),
);

/** The meaning of a code; undefined for one that this version does not know. */
export function findProblem(code: string): ProblemEntry | undefined {
  return entries.get(code);
}

export function isProblemCode(code: string): code is ProblemCode {
  return entries.has(code);
}

export function problemCodes(): string[] {
  return [...entries.keys()];
}
