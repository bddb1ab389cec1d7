/** Versions of agents, and ranges of them as a playbook requires: `>=0.2`, `~1.2`, `^1`, `>=1 <2`. */
import { Problem } from '../../core/errors.ts';

const comparator = /^(>=|<=|>|<|=|~|\^)?\s*v?(\d+)(?:\.(\d+))?(?:\.(\d+))?$/;

type Numbers = readonly [number, number, number];

function compare(a: Numbers, b: Numbers): number {
  const at = a.findIndex((number, index) => number !== b[index]);
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/** The first version after the range: of `~1.2` 1.3, of `^1.2` 2. */
function endOf(sign: string, [major, minor]: Numbers, parts: number): Numbers {
  const wide = sign === '^' ? major > 0 || parts === 1 : parts === 1;
  return wide ? [major + 1, 0, 0] : [major, minor + 1, 0];
}

/**
 * Makes a test of versions; every part of the range, separated by blanks, must hold.
 * @throws Problem `bad-input` when it is not a range
 */
export function parseRange(range: string): (version: string) => boolean {
  const parts = range
    .replaceAll(/([<>=~^])\s+/g, '$1')
    .trim()
    .split(/\s+/);
  const tests = parts.map((part) => {
    const [, sign = '=', ...numbers] = comparator.exec(part) ?? [];
    if (numbers.length === 0)
      throw new Problem('bad-input', `“${range}” is not a range of versions`, 'write >=0.2, ~1.2 or ^1');
    const named = numbers.filter((one) => one !== undefined).map(Number);
    const [major = 0, minor = 0, patch = 0] = named;
    const low: Numbers = [major, minor, patch];
    const end = sign === '=' && named.length < 3 ? endOf('~', low, named.length) : endOf(sign, low, named.length);
    return (version: Numbers) => {
      const difference = compare(version, low);
      if (sign === '>=') return difference >= 0;
      if (sign === '>') return difference > 0;
      if (sign === '<') return difference < 0;
      if (sign === '<=') return difference <= 0;
      return sign === '=' && named.length === 3 ? difference === 0 : difference >= 0 && compare(version, end) < 0;
    };
  });
  return (text) => {
    const [, major = '', minor = '0', patch = '0'] = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(text) ?? [];
    return major !== '' && tests.every((test) => test([Number(major), Number(minor), Number(patch)]));
  };
}
