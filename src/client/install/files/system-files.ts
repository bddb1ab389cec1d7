import type { Program } from '../program.ts';
import type { DesiredFile, DesiredFiles } from './desired-files.ts';
import {
  configServiceFile,
  configServiceText,
  configSocketFile,
  configSocketText,
  unitFile,
  unitText,
} from './unit.ts';

/** The files of systemd for the node: those of the service, and those that node.yaml requires. */
export function systemFiles(
  { paths, directories, units }: DesiredFiles,
  { form }: Program,
  service: string,
  groups: readonly string[],
): DesiredFile[] {
  if (service !== 'systemd') return [];
  const ours = (path: string, content: string, needs?: 'restart'): DesiredFile => {
    return { path, content, mode: 0o644, theirs: false, ...(needs === undefined ? {} : { needs }) };
  };
  const { program, directory } = paths;
  if (form === 'binary') {
    return [
      ours(unitFile, unitText(program, directory), 'restart'),
      ours(configSocketFile, configSocketText),
      ours(configServiceFile, configServiceText(program, directory)),
    ];
  }
  const own = directories.filter((path) => !path.startsWith('/var/lib/mco-deploy'));
  const shared = [...new Set(groups)].filter((group) => /^[a-z_][a-z0-9_-]*$/.test(group) && group !== 'root');
  return [
    ...(own.length + shared.length === 0 ? [] : [ours(dropInFile, dropInText(own, shared), 'restart')]),
    ...(Object.keys(units).length === 0 ? [] : [ours(polkitFile, polkitText(units))]),
  ];
}

const dropInFile = '/etc/systemd/system/mco-deploy.service.d/node.conf';
/** Before the package's own list, which refuses unknown units. */
const polkitFile = '/etc/polkit-1/rules.d/49-mco-deploy-node.rules';

/** The paths that the daemon may write, and the sockets that it may use. */
export function dropInText(directories: readonly string[], groups: readonly string[]): string {
  return [
    '# Written by mco-deploy, from node.yaml.',
    '[Service]',
    // A missing one does not keep the daemon from starting.
    ...directories.map((path) => `ReadWritePaths=-${path}`),
    ...(groups.length === 0 ? [] : [`SupplementaryGroups=${groups.join(' ')}`]),
    '',
  ].join('\n');
}

/** What the daemon may ask systemd to do: these verbs, for each unit. @param units verbs by unit */
export function polkitText(units: Readonly<Record<string, readonly string[]>>): string {
  return `// Written by mco-deploy, from node.yaml.
var mcoDeployNodeMay = ${JSON.stringify(units)};

polkit.addRule(function (action, subject) {
  if (action.id !== "org.freedesktop.systemd1.manage-units" || subject.user !== "mco-deploy") return;
  var unit = action.lookup("unit");
  var verbs = Object.prototype.hasOwnProperty.call(mcoDeployNodeMay, unit) ? mcoDeployNodeMay[unit] : [];
  if (verbs.indexOf(action.lookup("verb")) >= 0) return polkit.Result.YES;
});
`;
}
