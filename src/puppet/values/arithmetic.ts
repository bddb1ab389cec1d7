/** `+ - * / %`: whole numbers stay whole, and a quotient of them is rounded down. */
import { isHash, isList, kindOf, numberIn, type Value } from './values.ts';

/** The result, or a sentence that says why there is none. */
export type Computed = { readonly value: Value } | { readonly fault: string };

export function compute(operator: '+' | '-' | '*' | '/' | '%', left: Value, right: Value): Computed {
  if (operator === '+' && isList(left)) return { value: isList(right) ? [...left, ...right] : [...left, right] };
  if (operator === '+' && isHash(left) && isHash(right)) return { value: new Map([...left, ...right]) };
  if (operator === '-' && isList(left)) {
    const gone = isList(right) ? right : [right];
    return { value: left.filter((value) => !gone.includes(value)) };
  }
  const [a, b] = [numberIn(left), numberIn(right)];
  if (a === undefined || b === undefined) {
    const wrong = a === undefined ? left : right;
    const shown = typeof wrong === 'string' ? `'${wrong.slice(0, 40)}'` : kindOf(wrong);
    return { fault: `“${operator}” takes numbers, and ${shown} is not one` };
  }
  if ((operator === '/' || operator === '%') && Number(b) === 0) return { fault: 'it divides by zero' };
  if (typeof a === 'bigint' && typeof b === 'bigint') return bounded(whole(operator, a, b));
  return finite(fraction(operator, Number(a), Number(b)));
}

function whole(operator: string, a: bigint, b: bigint): bigint {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return (a - modulo(a, b)) / b;
    default:
      return modulo(a, b);
  }
}

/** With the sign of the divisor. */
function modulo(a: bigint, b: bigint): bigint {
  return ((a % b) + b) % b;
}

function fraction(operator: string, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    default:
      return ((a % b) + b) % b;
  }
}

const widest = 2n ** 63n;

function bounded(value: bigint): Computed {
  return value >= -widest && value < widest ? { value } : { fault: 'the result is wider than 64 bits' };
}

function finite(value: number): Computed {
  return Number.isFinite(value) ? { value } : { fault: 'the result is too large' };
}
