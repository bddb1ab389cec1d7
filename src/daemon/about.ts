import type { AgentEntry } from '../core/agent.ts';
import type { NodeAbout } from '../core/ports.ts';

/** What the daemon tells of an agent it runs. */
export function aboutAgent({
  name,
  version,
  author,
  license,
  description,
  url,
  actions,
}: AgentEntry['ddl']): NodeAbout['agents'][number] {
  const timeout = Math.max(0, ...Object.values(actions).map((action) => action.timeout));
  return { name, version, author, license, description, url, timeout };
}
