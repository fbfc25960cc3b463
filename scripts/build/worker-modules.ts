import { basename, dirname, extname, resolve } from 'node:path'
import { rollup, type Plugin, type RollupLog } from 'rollup'

interface WorkerBundle {
  readonly code: string
  readonly sources: readonly string[]
}

/**
 * Bundles of worker entries, each built once however many outputs name it. A bundle is one classic script (IIFE): the form which
 * works as a file, as a blob on another origin's page, and on a `file:` page.
 */
export class WorkerBundles {
  private readonly plugins: () => Plugin[]
  private readonly bundles = new Map<string, Promise<WorkerBundle>>()

  constructor(plugins: () => Plugin[]) {
    this.plugins = plugins
  }

  bundle(entry: string): Promise<WorkerBundle> {
    let pending = this.bundles.get(entry)
    if (pending === undefined) {
      pending = this.build(entry)
      this.bundles.set(entry, pending)
    }
    return pending
  }

  private async build(entry: string): Promise<WorkerBundle> {
    const bundle = await rollup({ input: entry, plugins: this.plugins(), onwarn: refuseWarning })
    try {
      const { output } = await bundle.generate({ format: 'iife', inlineDynamicImports: true })
      return { code: output[0].code, sources: bundle.watchFiles }
    } finally {
      await bundle.close()
    }
  }
}

/** A warning of rollup's (a missing export, a circular import, an unresolved module) is an error here. */
export function refuseWarning(warning: RollupLog): void {
  // Libraries bring harmless ones along: comments that terser drops, cycles of their own.
  if (warning.code === 'INVALID_ANNOTATION') return
  if (warning.code === 'CIRCULAR_DEPENDENCY' && warning.message.includes('node_modules')) return
  throw new Error(warning.message)
}

const SCHEME = /^\0?(worker|worker-code):(.*)$/

/** Serves `worker:` (the URL of the emitted script) and `worker-code:` (its text) imports. */
export function workerModules(bundles: WorkerBundles): Plugin {
  return {
    name: 'worker-modules',
    resolveId(source, importer) {
      const match = SCHEME.exec(source)
      if (match === null || importer === undefined) return null
      return `\0${match[1]}:${resolve(dirname(importer), match[2])}`
    },
    async load(id) {
      const match = id.startsWith('\0') ? SCHEME.exec(id) : null
      if (match === null) return null
      const [, scheme, entry] = match
      const { code, sources } = await bundles.bundle(entry)
      for (const source of sources) this.addWatchFile(source)
      if (scheme === 'worker-code') return `export default ${JSON.stringify(code)}`
      const file = this.emitFile({ type: 'asset', name: `${basename(entry, extname(entry))}.js`, source: code })
      return `export const url = import.meta.ROLLUP_FILE_URL_${file}`
    },
  }
}
