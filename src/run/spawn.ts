import { url } from 'worker:../../workers/simulation-worker.ts'
import { READY } from './ready.ts'

/** How long a worker may take to say that it is there, in real milliseconds. */
const PATIENCE = 10_000

/** Where this page may take workers from; found out once. */
type Way = 'direct' | 'blob'
let known: Way | undefined

/** No worker can be had on this page: refused by its policy, or by where it comes from. */
export class WorkersRefused extends Error {
  override readonly name = 'WorkersRefused'
}

/**
 * Starts a worker and waits for its first word. A script on the page's own origin is used directly; from elsewhere, or where that is
 * refused, its text is inlined into a blob, which works from any origin and from a disk.
 * @throws WorkersRefused
 */
export async function spawnWorker(): Promise<Worker> {
  const ways: readonly Way[] = known === undefined ? ['direct', 'blob'] : [known]
  let refusal: unknown
  for (const way of ways) {
    try {
      const worker = way === 'direct' ? await spawnDirect() : await spawnBlob()
      known = way
      return worker
    } catch (error) {
      refusal = error
    }
  }
  throw new WorkersRefused('this page may not start workers', { cause: refusal })
}

function spawnDirect(): Promise<Worker> {
  const script = new URL(url, location.href)
  if (script.origin !== location.origin || script.protocol === 'file:') throw new WorkersRefused('another origin')
  return answered(() => new Worker(script))
}

async function spawnBlob(): Promise<Worker> {
  const { default: code } = await import('worker-code:../../workers/simulation-worker.ts')
  const address = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }))
  try {
    return await answered(() => new Worker(address))
  } finally {
    URL.revokeObjectURL(address)
  }
}

/** A refusal may come at once as an exception, later as an error event without a message, or never. */
function answered(make: () => Worker): Promise<Worker> {
  return new Promise((resolve, reject) => {
    const worker = make()
    const refuse = (why: string): void => {
      clearTimeout(timer)
      worker.terminate()
      reject(new WorkersRefused(why))
    }
    const timer = setTimeout(() => {
      refuse('no answer')
    }, PATIENCE)
    worker.onerror = (event) => {
      event.preventDefault()
      refuse(event.message === '' ? 'refused by the page’s policy' : event.message)
    }
    worker.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (data !== READY) return
      clearTimeout(timer)
      worker.onmessage = null
      worker.onerror = null
      resolve(worker)
    }
  })
}
