import type { Plugin } from 'esbuild';

/** A module that a library loads at every start, and that nothing here ever uses. */
interface Unused {
  readonly by: RegExp;
  readonly module: RegExp;
  readonly why: string;
}

// test/contract/patched-libraries.test.ts checks that what is left out is used only where this says.
const unused: readonly Unused[] = [
  {
    by: /\/commander\//,
    module: /^node:child_process$/,
    why: 'commander runs commands that are separate programs: there are none',
  },
  {
    by: /\/grpc-js\/build\/src\/(channelz|orca)\.js$/,
    module: /^\.\/make-client$/,
    why: 'the services that report about channels and load are not offered',
  },
  {
    by: /\/grpc-js\//,
    module: /^@grpc\/proto-loader$/,
    why: 'only these services load it: the program has its own code for its messages',
  },
  {
    by: /\/protobufjs\//,
    module: /^long$/,
    why: 'it compiles WebAssembly at each start; numbers of messages are read as numbers, of 53 bits',
  },
  {
    by: /\/grpc-js\/build\/src\/orca\.js$/,
    module: /^\.\/channel-credentials$/,
    why: 'no client asks for load reports',
  },
  {
    by: /\/pino\/lib\/transport\.js$/,
    module: /^(thread-stream|on-exit-leak-free)$/,
    why: 'the log goes to our own stream, not to a thread',
  },
  {
    by: /\/ciao\//,
    module: /^source-map-support\/register$/,
    why: 'there are no source maps, and Node shows stacks by itself',
  },
];

/** Leaves these modules out of the bundle: a module without exports takes the place of each. */
export const withoutUnused: Plugin = {
  name: 'without-unused',
  setup: ({ onResolve, onLoad }) => {
    for (const { by, module } of unused) {
      onResolve({ filter: module }, ({ importer, path }) =>
        by.test(importer) ? { path: `${path} (left out)`, namespace: 'left-out' } : undefined,
      );
    }
    onLoad({ filter: /./, namespace: 'left-out' }, () => ({ contents: 'module.exports = {};' }));
  },
};
