import type { Ddl } from '../../core/ddl/ddl.ts';
import { suggest } from '../../core/text.ts';
import type { VersionRange } from '../model.ts';
import { locationOf, type SourceText } from '../source/locations.ts';
import { parseRange } from './versions.ts';

/** The agents' versions that the playbook requires. @throws Problem `bad-playbook` */
export function compileUses(
  uses: Readonly<Record<string, string>> = {},
  catalogue: readonly Ddl[],
  text: SourceText,
): readonly VersionRange[] {
  return Object.entries(uses).map(([agent, range]) => {
    const at = locationOf(text, ['uses', agent], range);
    const known = catalogue.map(({ name }) => name);
    if (!known.includes(agent)) at.fail(`there is no agent “${agent}”: ${suggest(agent, known)}`);
    let fits: VersionRange['fits'] = () => false;
    at.check(() => {
      fits = parseRange(range);
    });
    return { agent, range, fits };
  });
}
