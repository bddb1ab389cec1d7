// npm run demo: a lab, a ping, an upgrade, what the audit logs say of it, and everything down again.
import { type Lab, startLab } from '../support/lab/lab.ts';
import { runScript } from '../support/lab/run-script.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);

await runScript(async () => {
  say('Starting twelve hosts in network namespaces: nine web servers, a load balancer, two notification servers …');
  const began = performance.now();
  await using lab = await startLab();
  say(`All hosts are ready after ${((performance.now() - began) / 1000).toFixed(1)} seconds.`);
  await show(lab, ['ping']);
  const load = await lab.load({ rate: 200 });
  await show(lab, ['upgrade', '--cluster', 'bravo', '--rev', '20']);
  say('\nThe other cluster, by the same steps as a script in the Puppet DSL:');
  await show(lab, ['orchestrate', 'app_cluster_upgrade', 'backend=app', 'cluster=alfa', 'revision=20']);
  const { requests, failures } = await load.stop();
  say(`\nMeanwhile ${requests} HTTP requests went through the load balancer, and ${failures.length} failed.`);
  for (const host of ['dev2', 'lb1', 'notify1']) {
    say(`\nThe audit log of ${host}:`);
    await show(lab, ['audit', 'show'], host);
    await show(lab, ['audit', 'verify'], host);
  }
  say('\nTaking everything down.');
});

/** Runs the program on the control host as the operator, or on a node as its keeper, and shows what a person would see. */
async function show(lab: Lab, argv: readonly string[], host?: string): Promise<void> {
  say(`\n${host === undefined ? 'rip@control' : `root@${host}`}$ mco-deploy ${argv.join(' ')}`);
  const began = performance.now();
  const options = {
    onStdout: (text: string) => process.stdout.write(text),
    onStderr: (text: string) => process.stderr.write(text),
  };
  const { code } =
    host === undefined ? await lab.client(argv, options) : await lab.exec(host, ['mco-deploy', ...argv], options);
  if (host === undefined)
    say(`(${((performance.now() - began) / 1000).toFixed(2)} s with the start of the program, exit code ${code})`);
  if (code !== 0) throw new Error(`mco-deploy ${argv.join(' ')} ended with ${code}`);
}
