/** Something a person can point at on the stage, in a list or in a menu. Hosts and links by index in the scenario. */
export type Target =
  | { readonly kind: 'frame'; readonly number: number }
  | { readonly kind: 'host'; readonly index: number }
  | { readonly kind: 'link'; readonly index: number }

/** Whether two targets are the same thing. */
export function sameTarget(a: Target | undefined, b: Target | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  if (a.kind === 'frame') return b.kind === 'frame' && a.number === b.number
  return a.kind === b.kind && a.index === b.index
}

/** What is selected, shared by all elements of one playground. Fires `change` when it became something else. */
export class Selection extends EventTarget {
  #target: Target | undefined

  get target(): Target | undefined {
    return this.#target
  }

  select(target: Target | undefined): void {
    if (sameTarget(this.#target, target)) return
    this.#target = target
    this.dispatchEvent(new Event('change'))
  }
}
