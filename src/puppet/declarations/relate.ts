import { relatingParameters } from '../catalogue/anchors.ts';
import { type Resource, settingOf } from '../catalogue/resource.ts';
import type { Evaluation } from '../evaluator/state.ts';
import { endpointOf } from './endpoints.ts';

/** Turns `require`, `before`, `notify` and `subscribe` into relations, like those of arrows. @throws Problem `bad-script` */
export function relateByParameters(evaluation: Evaluation): void {
  const { resources, relations } = evaluation.catalogue;
  for (const resource of resources.values()) {
    if (resource.virtual) continue;
    for (const [name, { behind, refreshes }] of Object.entries(relatingParameters)) {
      const setting = settingOf(resource, name);
      if (setting === undefined) continue;
      const self = () => [resource] as readonly Resource[];
      const other = endpointOf(evaluation, setting.value, setting.position);
      relations.push({ from: behind ? self : other, to: behind ? other : self, refreshes, position: setting.position });
    }
  }
}
