/** The headings of the help, and the commands below each, in their order. */
const groups: Readonly<Record<string, readonly string[]>> = {
  'Look:': ['ping', 'find', 'inventory', 'facts', 'status', 'runs', 'jobs', 'audit', 'nrpe', 'locks', 'doctor'],
  'Deploy:': ['publish', 'published', 'prune', 'upgrade', 'rollback', 'run', 'orchestrate', 'resume', 'rpc'],
  'Fleet:': ['fleet', 'apply', 'install', 'uninstall', 'daemon', 'forget', 'agent'],
  'Trust:': ['ca', 'enroll', 'policy', 'verify'],
  'Write:': ['playbook', 'doc', 'explain', 'schema', 'completion', 'help'],
};

const order = Object.values(groups).flat();

export function groupOf(name: string): string {
  return Object.keys(groups).find((heading) => groups[heading]?.includes(name)) ?? 'Other:';
}

/** For sorting: by heading, and within it in the listed order. */
export function placeOf(name: string): number {
  const index = order.indexOf(name);
  return index < 0 ? order.length : index;
}
