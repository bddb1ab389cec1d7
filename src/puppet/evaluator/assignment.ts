import { type FleetFunction, isFleetFunction, queryFor } from '../functions/fleet.ts';
import type { Item } from '../parser/ast.ts';
import { assign } from './scope.ts';
import { type Evaluation, positionIn, type Scope } from './state.ts';

/**
 * A variable with an answer of the fleet may wait for it until it is read: several questions are then asked at the same
 * time, and their node sets have the names of the variables.
 */
export function evaluateAssignment(
  evaluation: Evaluation,
  { at, name, value }: Extract<Item, { kind: 'assign' }>,
  scope: Scope,
): void {
  const position = positionIn(scope, at);
  if (value.kind !== 'call' || !isFleetFunction(value.name)) {
    assign(scope, name, evaluation.evaluate(value, scope), position);
    return;
  }
  const args = value.args.map((argument) => evaluation.evaluate(argument, scope));
  const fleetFunction: FleetFunction = value.name;
  const { query, read } = queryFor(fleetFunction, args, evaluation, positionIn(scope, value.at), name);
  const answer = evaluation.answers.get(query.key);
  assign(scope, name, answer === undefined ? undefined : read(answer), position);
  if (answer === undefined) scope.waiting.add(name);
}
