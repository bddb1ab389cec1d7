import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Fleet, NodeParts } from '../../../src/client/fleet-file/model.ts';
import { readFleet } from '../../../src/client/fleet-file/read.ts';
import { nodeParts } from '../../../src/command-line.ts';
import { temporaryDirectory } from '../agents/agent-setup.ts';

/** A fleet of three web servers behind a load balancer. */
export const shopFleet = `operators:
  rip@devco.net: all
  ci@devco.net: { deploy: shop }
  eve@devco.net: read
notify: mailto:ops@devco.net
hosts:
  lb1.devco.net: { role: balancer, address: 10.0.0.1 }
  web1.devco.net: { role: web, address: 10.0.0.11 }
  web2.devco.net: { role: web, address: 10.0.0.12 }
  web3.devco.net: { role: web, address: "10.0.0.13:5811", ssh: "deploy@10.0.0.13:2222", facts: { rack: b } }
roles:
  balancer:
    agents:
      haproxy: { sockets: [/run/haproxy/admin.sock] }
      angelia: { smtp: { host: 127.0.0.1, from: mco@devco.net } }
  web:
    classes: [web]
    checks: { check_load: "/usr/lib/nagios/plugins/check_load -w 5,5,5 -c 10,10,10" }
applications:
  shop:
    role: web
    reload: [systemctl, reload, shop.service]
    health: { url: "http://127.0.0.1:8080/health" }
    upgrade: { strategy: rolling, batch: 1 }
`;

/** Reads a fleet out of a text; other files may lie beside it. @throws Problem */
export async function fleetOf(
  text: string,
  more: Readonly<Record<string, string>> = {},
): Promise<{ readonly fleet: Fleet; readonly parts: NodeParts; readonly file: string }> {
  const directory = temporaryDirectory();
  const file = join(directory, 'fleet.yaml');
  for (const [name, content] of Object.entries({ 'fleet.yaml': text, ...more })) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
  const parts = await nodeParts();
  return { fleet: await readFleet(file, parts), parts, file };
}
