/**
 * RE2 in JavaScript. In the bundle another module replaces this one and loads RE2 when the first regex is compiled:
 * most nodes have none.
 */
import * as re2 from 're2js';

export const loadRe2 = (): typeof re2 => re2;
