import { copyFile, cp, link, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFleet } from '../fleet/fleet.ts';
import { builtProgram } from '../program/built-program.ts';
import { controlHost, type Host, isNode, reliefHost } from './estate.ts';
import { homeOf, operatorFiles } from './files/control.ts';
import { type FileTree, writeFiles } from './files/file-tree.ts';
import { hostFiles } from './files/host-files.ts';
import { deployer, relief } from './files/node.ts';
import { artifacts } from './files/releases.ts';
import { hostOf } from './find.ts';
import { logOf, waitForLine } from './log.ts';
import { startHost, startSwitch } from './network/namespaces.ts';
import { hostNetwork, wireHosts } from './network/network.ts';
import { removeLab } from './remove.ts';
import { requireRoot } from './require-root.ts';
import { type LabState, makeState, rootOf, saveState } from './state.ts';
import { waitForServers } from './traffic/haproxy.ts';

/** Operators on the control host: one who may deploy, one who may nothing, one whose certificate is of another CA. */
const operators = { deployer, stranger: 'eve@devco.net', foreigner: 'mallory@devco.net' } as const;

/** How many hosts start their services at the same time. */
const startedTogether = 24;

/** Builds a lab to its end, or takes down what there is of it. */
export async function buildLab(hosts: readonly Host[], lifetime: LabState['lifetime']): Promise<LabState> {
  requireRoot();
  const empty = await makeState(hosts, lifetime);
  let lab = empty;
  try {
    // Written at once, so that a crash leaves nothing that lab:down does not find.
    await saveState(empty);
    await writeShared(empty);
    await writeHosts(empty);
    const holders = await startHolders(empty);
    lab = holders.lab;
    await saveState(lab);
    await holders.proceed();
    return lab;
  } catch (error) {
    await removeLab(lab);
    throw error;
  }
}

/** Shared by all hosts: the program, the wrapper that runs its daemon, and the published releases. */
async function writeShared({ directory }: LabState): Promise<void> {
  const program = builtProgram();
  await mkdir(join(directory, 'bin'));
  await mkdir(join(directory, 'artifacts'));
  const installed = join(directory, 'bin/mco-deploy');
  // A link keeps the lab's program when another is built; across file systems it takes a copy.
  await link(program, installed).catch(() => copyFile(program, installed));
  for (const script of ['daemon', 'clock'])
    await copyFile(join(import.meta.dirname, `${script}.sh`), join(directory, `bin/lab-${script}`));
  for (const { name, content } of artifacts()) await writeFile(join(directory, 'artifacts', name), content);
}

async function writeHosts(lab: LabState): Promise<void> {
  await using fleet = await makeFleet();
  await using foreign = await makeFleet();
  const written = await Promise.allSettled(
    lab.hosts.map(async (host) => {
      const root = rootOf(lab, host.name);
      await copyMachineFiles(root);
      await writeFiles(root, { ...hostFiles(host, lab.hosts), 'network.batch': hostNetwork(host) });
      if (isNode(host)) await writeFiles(root, nodeSecrets(await fleet.node(host.name)));
    }),
  );
  // Only when nobody writes any more can the directory be removed.
  for (const one of written) if (one.status === 'rejected') throw one.reason;
  if (lab.hosts.includes(reliefHost)) {
    const root = rootOf(lab, reliefHost.name);
    await writeFiles(root, operatorFiles(relief, await fleet.operator(relief)));
    await mkdir(join(root, homeOf(relief)), { recursive: true });
  }
  const control = rootOf(lab, controlHost.name);
  for (const operator of Object.values(operators)) {
    const issuer = operator === operators.foreigner ? foreign : fleet;
    // The foreigner trusts the fleet, so that only the fleet stands in the way.
    const files = { ...(await issuer.operator(operator)), caPem: fleet.caPem };
    await writeFiles(control, operatorFiles(operator, files));
    await mkdir(join(control, homeOf(operator)), { recursive: true });
  }
}

function nodeSecrets(member: { certificatePem: string; keyPem: string; caPem: string }): FileTree {
  return {
    'etc/mco-deploy/node.crt': member.certificatePem,
    'etc/mco-deploy/node.key': { secret: member.keyPem },
    'etc/mco-deploy/ca.crt': member.caPem,
  };
}

/** The files of the machine's /etc that programs need on a host with its own /etc. */
async function copyMachineFiles(root: string): Promise<void> {
  const names = ['passwd', 'group', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'localtime', 'protocols', 'services'];
  await mkdir(join(root, 'etc/alternatives'), { recursive: true });
  await Promise.all(
    names.map((name) =>
      cp(join('/etc', name), join(root, 'etc', name), { recursive: true, verbatimSymlinks: true }).catch(
        () => undefined,
      ),
    ),
  );
}

/** Starts every host's first process. When one fails, the others are known nevertheless, so that they can be ended. */
async function startHolders(lab: LabState): Promise<{ lab: LabState; proceed: () => Promise<void> }> {
  const net = startSwitch(lab);
  const started = await Promise.allSettled(lab.hosts.map((host) => startHost(host, lab)));
  const up = started.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
  const holders = { switch: net, ...Object.fromEntries(up.map(({ name, mark }) => [name, mark])) };
  // With its processes: through them the file systems of a host are seen, small ones included.
  const running = { ...lab, holders };
  const failed = started.find((one) => one.status === 'rejected');
  const proceed = async () => {
    if (failed !== undefined) throw failed.reason;
    await wireHosts(
      net.pid,
      up.map(({ mark }) => mark),
    );
    // A hundred daemons that start together would each take longer than one may.
    for (let first = 0; first < up.length; first += startedTogether)
      await Promise.all(
        up.slice(first, first + startedTogether).map(async (one) => {
          await one.proceed();
          await waitUntilServing(running, hostOf(running, one.name));
        }),
      );
    const balancers = lab.hosts.filter(({ kind }) => kind === 'balancer');
    await Promise.all(balancers.map(({ name }) => waitForServers(running, name)));
  };
  return { lab: running, proceed };
}

async function waitUntilServing(lab: LabState, { name, kind }: Host): Promise<void> {
  if (kind === 'mail') await waitForLine(logOf(lab, name, 'var/log/inbox.log'), 0, 'listening');
  else if (kind !== 'control') await waitForLine(logOf(lab, name, 'var/log/mco-deploy/daemon.log'), 0, 'announced');
}
