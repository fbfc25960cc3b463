import type { Engine } from '../../src/kernel/engine.ts'

/** What is not a host's own, and what is only kept to be used again. */
const PASSED_OVER = new Set(['log', 'arena', 'spareArrivals', 'scenario', 'inspector', 'factory', 'carrier', 'storage', 'setup'])

interface Found {
  readonly constructor: { readonly name: string }
  readonly cancelled?: unknown
}

/**
 * Counts what a host holds, by class: everything that can be reached from its engine, its event queue included. Timers that were cancelled
 * and are still in the queue do not count. What only a closure or a coroutine's local variable holds is not seen; its coroutine is.
 */
export function censusOf(engine: Engine): Map<string, number> {
  const counts = new Map<string, number>()
  visit(engine, (found) => {
    const { name } = found.constructor
    if (found.cancelled !== true || name !== 'PendingTimer') counts.set(name, (counts.get(name) ?? 0) + 1)
  })
  return counts
}

/** All objects of a class that can be reached from a host's engine. */
export function allOf<T>(engine: Engine, type: abstract new (...args: never[]) => T): T[] {
  const all: T[] = []
  visit(engine, (found) => {
    if (found instanceof type) all.push(found)
  })
  return all
}

function visit(root: object, meet: (found: Found) => void): void {
  const seen = new Set<object>([root])
  const stack: object[] = [root]
  const add = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return
    seen.add(value)
    stack.push(value)
  }
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    if (ArrayBuffer.isView(item) || item instanceof ArrayBuffer) continue
    if (Object.getPrototypeOf(item) !== null) meet(item)
    if (item instanceof Map) for (const entry of item) entry.forEach(add)
    else if (item instanceof Set) item.forEach(add)
    else for (const [key, value] of Object.entries(item)) if (!PASSED_OVER.has(key)) add(value)
  }
}
