// The entry point of the single binary: the parts of the program are its assets.
import { getAsset, getRawAsset } from 'node:sea';
import { defineRequire } from './load.ts';
import { type Index, unpack } from './pack.ts';

const index: Index = JSON.parse(getAsset('index', 'utf8'));
const block = getRawAsset('parts') as ArrayBuffer;

defineRequire((name) => unpack(index, block, name), require)('./main.cjs');
