/**
 * The commands of users of MCollective, Choria, Ansible or Kamal, and their equivalents here. One table: commands,
 * options, agents used as commands, and values of options. A word that this program knows is never looked up.
 */

/** Words that are translated, or an answer that says what to do. */
export type Habit = { readonly as: readonly string[] } | { readonly answer: string };

const as = (...words: string[]): Habit => ({ as: words });
const answer = (text: string): Habit => ({ answer: text });

const nodes = 'to list the nodes: mco-deploy find; to see one of them: mco-deploy inventory NODE';
const certificates = 'to list the certificates: mco-deploy ca list';
const commands = 'nodes do not run arbitrary commands: write an agent for what is needed (mco-deploy agent new NAME)';
const playbooks = 'write it as a playbook: docs/playbooks.md';

/** By the first words of the command line; the longest match counts. */
export const commandHabits: Readonly<Record<string, Habit>> = {
  req: as('rpc'),
  discover: as('find'),
  'plugin doc': as('doc'),
  'plugin list': as('doc'),
  plugin: answer('to list or explain agents: mco-deploy doc [AGENT]; to write a new one: mco-deploy agent new NAME'),
  'playbook run': as('run'),
  'playbook show': as('playbook', 'docs'),
  describe_filter: answer('“mco-deploy find” with the same filter lists the nodes that match'),
  buildinfo: as('--version'),
  version: as('--version'),
  'server run': as('daemon'),
  server: answer('to start the daemon of a node: mco-deploy daemon; to see one node: mco-deploy inventory NODE'),
  broker: answer('there is no broker: clients call the daemons directly'),
  federation: answer('there is no broker, and so no federation: docs/reach.md explains other networks'),
  scout: answer('to run a check: mco-deploy nrpe CHECK'),
  tasks: answer(`there are no Bolt tasks: write an agent (mco-deploy agent new NAME), or ${playbooks}`),
  node: answer(nodes),
  nodes: answer(nodes),
  host: answer(nodes),
  hosts: answer(nodes),
  get: answer(nodes),
  list: answer(nodes),
  ls: answer(nodes),
  describe: answer(nodes),
  history: as('runs'),
  cert: answer(certificates),
  certs: answer(certificates),
  certificate: answer(certificates),
  certificates: answer(certificates),
  init: answer('to make a certificate authority for a new fleet: mco-deploy ca init --realm REALM --operator NAME'),
  plan: answer('to see what would change: mco-deploy apply --dry-run, or mco-deploy upgrade … --dry-run'),
  undo: answer('to return to the release before: mco-deploy rollback APPLICATION'),
  ssh: answer(commands),
  shell: answer(commands),
  exec: answer(commands),
  show_config: answer('“mco-deploy doctor client” shows what is configured and whether it works'),
  request_cert: answer('to request a certificate: mco-deploy enroll'),
  deploy: answer('to upgrade a cluster: mco-deploy upgrade --cluster CLUSTER --rev REVISION'),
  redeploy: answer('to upgrade a cluster: mco-deploy upgrade --cluster CLUSTER --rev REVISION'),
  setup: answer('to turn hosts into nodes: mco-deploy install USER@HOST…'),
  bootstrap: answer('to turn hosts into nodes: mco-deploy install USER@HOST…'),
  app: answer(
    'to see or restart an application, call its agent: mco-deploy rpc appmgr status (or releases, restart, rollback)',
  ),
  details: as('status'),
  lock: answer('to see the leases of runs: mco-deploy locks; to call the agent: mco-deploy rpc lock ACTION'),
  logs: answer('to see what was done on nodes: mco-deploy audit show; an application’s own log stays with its host'),
  remove: answer('to take a host out of the fleet: mco-deploy uninstall USER@HOST…'),
};

/** Agents that MCollective's users have as commands: their actions, and the inputs without names. */
export const agentHabits: Readonly<
  Record<string, { readonly actions: readonly string[]; readonly inputs: readonly string[] }>
> = {
  service: { actions: ['start', 'stop', 'restart', 'status'], inputs: ['service'] },
  package: { actions: ['install', 'update', 'uninstall', 'purge', 'status', 'checkupdates'], inputs: ['package'] },
  puppet: { actions: ['runonce', 'enable', 'disable', 'status', 'last_run_summary', 'resource'], inputs: [] },
  nettest: { actions: ['ping', 'connect'], inputs: ['fqdn', 'port'] },
  process: { actions: ['list'], inputs: ['pattern'] },
  filemgr: { actions: ['touch', 'remove', 'status'], inputs: ['file'] },
  iptables: { actions: ['block', 'unblock', 'isblocked'], inputs: ['ipaddr'] },
};

/** An option: its replacement, its omission, or an answer. */
export type OptionHabit =
  | { readonly as: string; readonly takesValue: boolean; readonly of?: readonly string[] }
  | { readonly drop: true }
  /** @param needs an option without which the answer is of no use */
  | { readonly answer: string; readonly needs?: string };

const valued = (option: string): OptionHabit => ({ as: option, takesValue: true });
const collectives =
  'there are no collectives or sub-collectives: choose nodes by facts, classes and names (-F, -C, -I)';
const chooseByFact = 'to choose nodes by fact: -F NAME=VALUE (repeatable)';
const transport = 'clients call the daemons directly over TLS: leave this option out';

export const optionHabits: Readonly<Record<string, OptionHabit>> = {
  '--discovery-timeout': valued('--dt'),
  '--disctimeout': valued('--dt'),
  '--discovery-method': valued('--dm'),
  '--discovery-option': valued('--do'),
  '--limit-nodes': valued('--limit'),
  '--ln': valued('--limit'),
  '--batch-sleep-time': valued('--batch-sleep'),
  '--with-compound': valued('--select'),
  '-c': valued('--config'),
  '-n': { as: '--verbose', takesValue: false, of: ['facts'] },
  '--show-nodes': { as: '--verbose', takesValue: false, of: ['facts'] },
  '-v': { drop: true },
  '--verbose': { drop: true },
  '-q': { drop: true },
  '--no-color': { as: '--color=never', takesValue: false },
  '--no-colour': { as: '--color=never', takesValue: false },
  '--colour': valued('--color'),
  '--quiet': { drop: true },
  '-l': valued('--wi'),
  '--host': valued('--wi'),
  '--node': valued('--wi'),
  '-f': { answer: chooseByFact, needs: '-F' },
  '--filter': valued('--wf'),
  '--inventory': valued('--nodes'),
  '--no-progress': { as: '--np', takesValue: false },
  '--sort': { drop: true },
  '-T': { answer: collectives },
  '--target': { answer: collectives },
  '--collective': { answer: collectives },
  '--limit-method': { answer: 'a subset is always chosen at random: give --limit-seed to choose the same again' },
  '--lm': { answer: 'a subset is always chosen at random: give --limit-seed to choose the same again' },
  '--no-results': { answer: 'to call nodes and show nothing of their replies, write: --display none' },
  '--nr': { answer: 'to call nodes and show nothing of their replies, write: --display none' },
  '--ttl': { answer: 'requests have their own time to live: leave this option out' },
  '--reply-to': { answer: 'nodes reply to the caller alone: use --json and pass the output on' },
  '--threaded': { answer: transport },
  '--publish_timeout': { answer: transport },
  '--publish-timeout': { answer: transport },
  '--connection-timeout': { answer: transport },
  '--discovery-window': { answer: 'discovery ends by itself soon after the last answer: give --dt for the first one' },
  '--filter-replies': { answer: 'write --json and pass the output to jq' },
};

/** Methods of discovery by their names in other tools. */
export const methodHabits: Readonly<Record<string, string>> = {
  mc: 'mdns',
  mcast: 'mdns',
  broadcast: 'mdns',
  flatfile: 'file',
  inventory: 'file',
  choria: 'puppetdb',
  external: 'exec',
};
