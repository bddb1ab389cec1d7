/** RE2 in JavaScript. In the bundle a module takes the place of this one that loads it when the first regex is compiled: most nodes have none. */
import * as re2 from 're2js';

export const loadRe2 = (): typeof re2 => re2;
