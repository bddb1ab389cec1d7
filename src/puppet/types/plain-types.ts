/** The types of resources that do something themselves, and their attributes. */

/** The common attributes of all resources. */
export const metaparameters: ReadonlySet<string> = new Set([
  'alias',
  'before',
  'loglevel',
  'noop',
  'notify',
  'require',
  'subscribe',
  'tag',
]);

export interface PlainType {
  readonly parameters: readonly string[];
  readonly required: readonly string[];
}

export const plainTypes: Readonly<Record<string, PlainType>> = {
  mcollective: {
    parameters: [
      'name',
      'agent',
      'action',
      'arguments',
      'identity_filter',
      'class_filter',
      'fact_filter',
      'compound_filter',
      'limit_nodes',
      'failover',
      'batch_size',
      'batch_sleep_time',
      'tries',
      'try_sleep_time',
      'disctimeout',
      'timeout',
      'refreshonly',
      'expect',
    ],
    required: ['agent', 'action'],
  },
  exec: { parameters: ['command', 'logoutput', 'refreshonly'], required: [] },
  notify: { parameters: ['name', 'message', 'withpath'], required: [] },
};

/** Types of Puppet that manage the machine they run on (Puppet type reference, and what its core modules add). */
export const foreignTypes: ReadonlySet<string> = new Set([
  'augeas',
  'component',
  'computer',
  'cron',
  'file',
  'file_line',
  'filebucket',
  'group',
  'host',
  'interface',
  'k5login',
  'macauthorization',
  'mailalias',
  'maillist',
  'mcx',
  'mount',
  'nagios_command',
  'nagios_host',
  'nagios_service',
  'package',
  'resources',
  'router',
  'schedule',
  'scheduled_task',
  'selboolean',
  'selmodule',
  'service',
  'ssh_authorized_key',
  'sshkey',
  'stage',
  'tidy',
  'user',
  'vlan',
  'yumrepo',
  'zfs',
  'zone',
  'zpool',
]);
