import type { Expression, Statement } from '../parser/ast.ts';
import { evaluateChain } from './chain.ts';
import { fits } from './match.ts';
import { type Evaluation, positionIn, type Scope } from './state.ts';
import { isTrue } from '../values/values.ts';

/** @throws Problem `bad-script` */
export function runStatements(evaluation: Evaluation, statements: readonly Statement[], scope: Scope): void {
  for (const statement of statements) runStatement(evaluation, statement, scope);
}

function runStatement(evaluation: Evaluation, statement: Statement, scope: Scope): void {
  evaluation.spend(1, positionIn(scope, statement.at));
  switch (statement.kind) {
    case 'define':
    case 'class':
    case 'node':
      // Known since the script was parsed; evaluated at its use, or when the top of the script was.
      return;
    case 'if':
      runIf(evaluation, statement, scope);
      return;
    case 'case':
      runCase(evaluation, statement, scope);
      return;
    case 'chain':
      evaluateChain(evaluation, statement, scope);
  }
}

type Of<Kind extends Statement['kind']> = Extract<Statement, { kind: Kind }>;

/** The groups of a regex in the condition are known only in its block. */
function runIf(evaluation: Evaluation, { branches, otherwise }: Of<'if'>, scope: Scope): void {
  const before = scope.captures;
  const chosen = branches.find(({ condition }) => isTrue(evaluation.evaluate(condition, scope)));
  evaluation.run(chosen?.body ?? otherwise, scope);
  scope.captures = before;
}

function runCase(evaluation: Evaluation, { of, options }: Of<'case'>, scope: Scope): void {
  const before = scope.captures;
  const value = evaluation.evaluate(of, scope);
  const isMeant = (key: Expression) =>
    key.kind !== 'default' &&
    fits({ evaluation, scope, position: positionIn(scope, key.at) }, value, evaluation.evaluate(key, scope));
  const chosen =
    options.find(({ keys }) => keys.some(isMeant)) ??
    options.find(({ keys }) => keys.some(({ kind }) => kind === 'default'));
  evaluation.run(chosen?.body ?? [], scope);
  scope.captures = before;
}
