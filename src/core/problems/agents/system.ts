import { defineProblems } from '../define.ts';

/** Services of systemd and packages of the system. */
export const systemProblems = defineProblems({
  'not-allowed': ['The service or package is not on the list of the node.', 'Add it to “agents” in its node.yaml.'],
  'systemd-unreachable': ['The node cannot query systemd.', 'The agent “service” needs a host that runs systemd.'],
  'unknown-unit': ['systemd does not know that unit.', 'Check the name: “systemctl list-units”.'],
  'service-failed': [
    'systemd refused the change, or the service did not reach or keep the state that it should have.',
    'Read the end of its journal in the message.',
  ],
  'no-package-manager': ['The host has neither apt nor dnf.', 'The agent “package” needs one of them.'],
  'no-such-package': ['No repository of the host has that package.', 'Check its name, or call with refresh=true.'],
  'not-installed': ['The package is not installed, so it cannot be updated.', 'Call package.install for it.'],
  'package-busy': ['Another program holds the lock of the package manager.', 'Try again when it has ended.'],
  'package-failed': ['The package manager failed.', 'Read its message; run it by hand on the host.'],
});
