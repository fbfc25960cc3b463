import { chmod, readFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import commonjs from '@rollup/plugin-commonjs'
import nodeResolve from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import { rollup, type OutputOptions, type Plugin, type RollupCache, type RollupOptions } from 'rollup'
import dts from 'rollup-plugin-dts'
import esbuild from 'rollup-plugin-esbuild'
import { refuseWarning, WorkerBundles, workerModules } from './worker-modules.ts'

export interface BundleOptions {
  /** The checkout. */
  readonly root: string
  /** Where the files go. */
  readonly out: string
  /** Small files, or quick builds with source maps. */
  readonly release: boolean
}

/** One entry, bundled to `out`. */
export interface Bundle {
  readonly input: RollupOptions
  readonly output: OutputOptions
}

const NODE_MODULES = new Set(builtinModules.flatMap((name) => [name, `node:${name}`]))

/** TypeScript and packages of the registry, for the browser or for Node. */
function compile({ root }: BundleOptions, platform: 'browser' | 'node'): Plugin[] {
  const browser = platform === 'browser'
  return [
    nodeResolve({ browser, preferBuiltins: !browser, exportConditions: ['production'], extensions: ['.ts', '.mjs', '.js'] }),
    commonjs(),
    esbuild({ target: 'es2022', tsconfig: join(root, 'tsconfig.base.json'), define: { 'process.env.NODE_ENV': '"production"' } }),
  ]
}

/** Shared by all bundles of one build, so that each worker is built once. */
export function workerBundles(options: BundleOptions): WorkerBundles {
  return new WorkerBundles(() => [
    ...compile(options, 'browser'),
    ...(options.release ? [terser({ module: false, toplevel: true, ecma: 2020 })] : []),
  ])
}

const assets = {
  chunkFileNames: 'chunks/[name]-[hash].js',
  assetFileNames: 'workers/[name]-[hash][extname]',
} satisfies OutputOptions

/** `packetarium.js`: the module that registers the elements. What is not needed for the first paint is in `chunks/`. */
export function pageBundle(options: BundleOptions, workers: WorkerBundles): Bundle {
  return {
    input: {
      input: { packetarium: join(options.root, 'components/packetarium.ts') },
      plugins: [
        workerModules(workers),
        ...compile(options, 'browser'),
        ...(options.release ? [terser({ module: true, ecma: 2020 })] : []),
      ],
    },
    output: { dir: options.out, format: 'es', entryFileNames: '[name].js', sourcemap: !options.release, ...assets },
  }
}

/** `packetarium.iife.js`: the same as one classic script, for pages opened from a disk, where modules may not be loaded. */
export function classicBundle(options: BundleOptions, workers: WorkerBundles): Bundle {
  return {
    input: {
      input: { 'packetarium.iife': join(options.root, 'components/packetarium.ts') },
      plugins: [workerModules(workers), ...compile(options, 'browser'), terser({ module: false, toplevel: true, ecma: 2020 })],
    },
    output: {
      dir: options.out,
      format: 'iife',
      name: 'packetarium',
      inlineDynamicImports: true,
      entryFileNames: '[name].js',
      assetFileNames: assets.assetFileNames,
    },
  }
}

/** `index.js`: the library. Packages of the registry stay imports. */
export function libraryBundle(options: BundleOptions, workers: WorkerBundles): Bundle {
  return {
    input: {
      input: { index: join(options.root, 'src/index.ts') },
      external: (id) => !id.startsWith('.') && !id.startsWith('/') && !id.startsWith('\0') && !/^worker(-code)?:/.test(id),
      plugins: [workerModules(workers), ...compile(options, 'browser')],
    },
    output: {
      dir: options.out,
      format: 'es',
      entryFileNames: '[name].js',
      ...assets,
      chunkFileNames: 'chunks/lib-[name]-[hash].js',
    },
  }
}

/** `index.d.ts`: the library's types in one file. */
export function typesBundle({ root, out }: BundleOptions): Bundle {
  return {
    input: {
      input: { index: join(root, 'src/index.ts') },
      external: (id) => !id.startsWith('.') && !id.startsWith('/'),
      plugins: [dts({ tsconfig: join(root, 'tsconfig.page.json') })],
    },
    output: { dir: out, format: 'es', entryFileNames: '[name].d.ts' },
  }
}

/** `cli.js`: the command line with everything in it, for Node. */
export function commandBundle(options: BundleOptions, workers: WorkerBundles): Bundle {
  return {
    input: {
      input: { cli: join(options.root, 'src/cli/main.ts') },
      external: (id) => NODE_MODULES.has(id),
      plugins: [workerModules(workers), ...compile(options, 'node'), executable(options.out), tapProgram(options.root)],
    },
    output: {
      dir: options.out,
      format: 'es',
      entryFileNames: '[name].js',
      ...assets,
      chunkFileNames: 'chunks/cli-[name]-[hash].js',
    },
  }
}

/** Puts the program beside `cli.js` that holds its TAP interfaces. */
function tapProgram(root: string): Plugin {
  return {
    name: 'tap-program',
    async generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'tap.py', source: await readFile(join(root, 'src/cli/tap.py')) })
    },
  }
}

/** Makes the entry a program: first line and file mode. */
function executable(out: string): Plugin {
  return {
    name: 'executable',
    renderChunk(code, chunk) {
      if (!chunk.isEntry) return null
      return { code: `#!/usr/bin/env node\n${code.replace(/^#!.*\n/, '')}`, map: null }
    },
    async writeBundle(_, files) {
      for (const [name, file] of Object.entries(files)) {
        if (file.type === 'chunk' && file.isEntry) await chmod(join(out, name), 0o755)
      }
    },
  }
}

/**
 * Writes one bundle.
 * @param cache what the last build of the same bundle returned, to be quick
 */
export async function write({ input, output }: Bundle, cache?: RollupCache): Promise<RollupCache | undefined> {
  const bundle = await rollup({ ...input, onwarn: refuseWarning, ...(cache && { cache }) })
  try {
    await bundle.write(output)
    return bundle.cache
  } finally {
    await bundle.close()
  }
}
