import { defineProblems } from '../define.ts';

/** Applications, their releases and artifacts. */
export const appmgrProblems = defineProblems({
  'unknown-application': ['The node has no application of that name, or several.', 'Name one: --application NAME.'],
  'bad-revision': ['The revision is not a valid name.', 'Use letters, digits and “. _ + -”.'],
  'unknown-revision': ['There is no artifact of that revision.', 'Publish it first, or check the name.'],
  'unknown-release': [
    'The node does not hold that release completely.',
    '“mco-deploy rpc appmgr releases” lists them.',
  ],
  'no-release': ['No release of the application serves.', 'Upgrade it first.'],
  'no-previous': ['There is no earlier release to go back to.', 'Upgrade to the revision that you want.'],
  'bad-artifact': ['The artifact cannot be used.', 'Check “artifacts” in node.yaml and the file itself.'],
  'bad-checksum': [
    'The artifact does not match its published SHA-256 sum.',
    'Publish artifact and sum again: “sha256sum FILE > FILE.sha256”.',
  ],
  'artifact-too-large': ['The artifact is larger than allowed.', 'Raise “max_size” under “download” in node.yaml.'],
  'artifacts-unreachable': ['The artifact could not be downloaded.', 'Check the URL and the network, then repeat.'],
  'bad-archive': ['The archive is damaged, or of a kind that is not supported.', 'Pack it again as tar.gz.'],
  'archive-too-large': ['The archive has more entries or bytes than allowed.', 'Pack less, or raise “limits”.'],
  'unsafe-archive': [
    'The archive contains an entry that could write outside of the release, or change rights.',
    'Pack it again without that entry; the message names it.',
  ],
  'revision-changed': [
    'The revision serves already, and its artifact has other content now.',
    'Publish changed content under a new revision.',
  ],
  'bad-layout': ['The directory of the application is not as configured.', 'Correct what the message names.'],
  'missing-shared': ['A path that all releases share does not exist.', 'Create it, then repeat.'],
  'bad-state': [
    'The recorded state of the application or of leases is damaged.',
    'Follow the message; remove the file only while no deploy runs.',
  ],
  'no-space': ['There is not enough free space for the release.', 'Free space, or lower “keep”.'],
  'disk-error': ['The file system reported an error while the release was written.', 'Check the disk of the host.'],
  'hook-failed': [
    'A hook of the application failed. The release did not change.',
    'Correct the hook; the message shows its last line.',
  ],
  'deploy-failed': [
    'A deploy command of the application failed.',
    'Correct the command; the message shows its last line.',
  ],
  'fetch-failed': [
    'The command that fetches a release failed.',
    'Correct the command; the message shows its last line.',
  ],
  'unhealthy-release': [
    'The new release does not pass its health check. The earlier release serves again, where that is configured.',
    'Read the reason, correct the application, and publish a new revision.',
  ],
  'reload-failed': ['The service could not be reloaded.', 'Check the reload command and the service.'],
  'restart-failed': ['The service could not be restarted.', 'Check the restart command and the service.'],
  'no-restart': ['The application has no command to restart it.', 'Configure “restart” in node.yaml.'],
  'no-fetch': ['The application has no command to fetch a release.', 'Configure “fetch” under “deploy”.'],
  'unusable-directory': ['A directory of the application cannot be used.', 'Correct its path and permissions.'],
});
