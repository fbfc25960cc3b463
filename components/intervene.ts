import type { Run } from '../src/run/run.ts'
import type { Action } from '../src/scenario/intervention.ts'

/** Something to tell the reader; the playground shows it. Bubbles out of shadow trees as `packetarium-notice`. */
export interface Notice {
  readonly kind: 'info' | 'error'
  readonly text: string
}

/** Tells the reader something. */
export function notify(element: Element, notice: Notice): void {
  element.dispatchEvent(new CustomEvent<Notice>('packetarium-notice', { detail: notice, bubbles: true, composed: true }))
}

/** What an error says to people. */
export function errorWords(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Does something to a run, and tells the reader when it was not possible. Resolves to whether it was done. */
export async function intervene(element: Element, run: Run | undefined, action: Action): Promise<boolean> {
  if (run === undefined) return false
  try {
    await run.intervene(action)
    return true
  } catch (error) {
    notify(element, { kind: 'error', text: errorWords(error) })
    return false
  }
}
