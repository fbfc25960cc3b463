/**
 * Frames of one kind that are so close to each other on a crowded line that they are drawn as one.
 * `lane`: twice the link's index, plus the direction; `cell`: which of the pieces that travel along it; `of`: index of the kind.
 */
export interface FrameGroupTarget {
  readonly kind: 'group'
  readonly lane: number
  readonly cell: number
  readonly of: number
}

/** Something a person can point at on the stage, in a list or in a menu. Hosts and links by index in the scenario. */
export type Target =
  | { readonly kind: 'frame'; readonly number: number }
  | FrameGroupTarget
  | { readonly kind: 'host'; readonly index: number }
  | { readonly kind: 'link'; readonly index: number }

/** Whether two targets are the same thing. */
export function sameTarget(a: Target | undefined, b: Target | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  if (a.kind === 'frame') return b.kind === 'frame' && a.number === b.number
  if (a.kind === 'group') return b.kind === 'group' && a.lane === b.lane && a.cell === b.cell && a.of === b.of
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
