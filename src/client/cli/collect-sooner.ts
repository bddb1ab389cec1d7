import { findCollector } from '../../core/collect-garbage.ts';

/**
 * Lets V8's heap grow by a quarter, not to several times its size, before it collects garbage again: with thousands of
 * nodes most of the memory would be garbage, certificates and keys of OpenSSL included, of whose size V8 knows nothing.
 * The limit counts from a collection on, and the first one of V8's own would come after thousands of nodes. Set while
 * the program runs, because from its start the flag would make Node's recorded code invalid.
 */
export function collectSooner(): void {
  process.getBuiltinModule('node:v8').setFlagsFromString('--heap-growing-percent=25');
  findCollector()();
}
