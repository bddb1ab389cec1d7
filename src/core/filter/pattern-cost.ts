const countedRepetition = /^\{(\d+)(?:,(\d*))?\}$/;

// One piece of a regex at a time: a property or code point, quoted text, an escape, a class, a counted repetition, a character.
const piece =
  /\\[pPx]\{[^}]*\}|\\Q[\s\S]*?(?:\\E|$)|\\[\s\S]|\[\^?\]?(?:\\[\s\S]|\[:\^?\w+:\]|[^\]\\])*\]|\{\d+(?:,\d*)?\}|[\s\S]/g;

const unicodeProperty = /\\[pP]/g;

/** A Unicode property stands for hundreds of ranges, which are merged and folded when it is compiled. */
const propertyCost = 8;

/**
 * The approximate size of a regex's program (counted repetitions are expanded in it): an upper estimate, made without
 * compiling it. The time of a match is bounded by this times the length of the text.
 */
export function patternCost(source: string): number {
  const outer: number[] = [];
  let total = 0;
  let atom = 0;
  const add = (cost: number) => {
    atom = cost;
    total += cost;
  };
  for (const [text] of source.matchAll(piece)) {
    const [repetition, least = '', most = ''] = countedRepetition.exec(text) ?? [];
    if (repetition !== undefined) {
      // An optional part costs one more instruction each time.
      const once = least === most || !repetition.includes(',') ? atom : atom + 1;
      const all = once * Math.max(1, Number(least), Number(most));
      total += all - atom;
      atom = all;
    } else if (text === '(') {
      outer.push(total);
      total = 2;
    } else if (text === ')') {
      const group = total;
      total = outer.pop() ?? 0;
      add(group);
    } else if (text === '*' || text === '+' || text === '?' || text === '|') {
      atom += 1;
      total += 1;
    } else if (text.startsWith('\\Q')) {
      add(text.length);
    } else {
      add(1 + propertyCost * (text.match(unicodeProperty)?.length ?? 0));
    }
  }
  return total + outer.reduce((sum, cost) => sum + cost, 0);
}
