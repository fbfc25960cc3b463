import type { LabelRequest, LabelRequests, Occupied } from './label-requests.ts'

/** A text in its place. */
export interface PlacedLabel {
  kind: LabelRequest['kind']
  subject: number
  text: string
  /** Left and top in px. */
  x: number
  y: number
  alpha: number
}

/** Room that a label wants to itself on each side. */
const AIR = 3

/**
 * Gives texts their places: beside what they name, on the outer side of the lane, and only where they cover nothing. Who is more
 * urgent chooses first, then who was sent first: so a label that is there stays while others come.
 */
export class LabelPlan {
  readonly placed: PlacedLabel[] = []
  count = 0
  private readonly order: number[] = []

  /**
   * @param fixed what must not be covered: cards and captions
   * @param words what to write, and '' for nothing
   * @param width of a text in px
   * @param height of a line in px
   */
  arrange(
    wanted: LabelRequests,
    fixed: readonly Occupied[],
    frame: { readonly width: number; readonly height: number },
    words: (request: LabelRequest) => string,
    width: (text: string) => number,
    height: number,
  ): void {
    const { requests } = wanted
    this.count = 0
    this.order.length = wanted.count
    for (let i = 0; i < wanted.count; i++) this.order[i] = i
    this.order.sort((a, b) => requests[b].urgency - requests[a].urgency || requests[a].subject - requests[b].subject)
    for (const index of this.order) {
      const request = requests[index]
      const text = words(request)
      if (text === '') continue
      const halfWidth = width(text) / 2
      const halfHeight = height / 2
      const away = request.distance + Math.abs(request.nx) * halfWidth + Math.abs(request.ny) * halfHeight
      const left = request.x + request.nx * away - halfWidth
      const top = request.y + request.ny * away - halfHeight
      const right = left + halfWidth * 2
      const bottom = top + height
      if (left < 2 || top < 2 || right > frame.width - 2 || bottom > frame.height - 2) continue
      if (covers(fixed, fixed.length, left, top, right, bottom)) continue
      if (request.kind !== 'queue' && covers(wanted.occupied, wanted.occupiedCount, left, top, right, bottom)) continue
      if (this.coversLabel(left, top, right, bottom, width, height)) continue
      this.put(request, text, left, top)
    }
  }

  private coversLabel(
    left: number,
    top: number,
    right: number,
    bottom: number,
    width: (text: string) => number,
    height: number,
  ): boolean {
    for (let i = 0; i < this.count; i++) {
      const other = this.placed[i]
      if (
        left - AIR < other.x + width(other.text) &&
        right + AIR > other.x &&
        top - 1 < other.y + height &&
        bottom + 1 > other.y
      ) {
        return true
      }
    }
    return false
  }

  private put(request: LabelRequest, text: string, x: number, y: number): void {
    const at = this.count++
    if (at === this.placed.length) this.placed.push({ kind: 'frame', subject: 0, text: '', x: 0, y: 0, alpha: 1 })
    const label = this.placed[at]
    label.kind = request.kind
    label.subject = request.subject
    label.text = text
    label.x = x
    label.y = y
    label.alpha = request.alpha
  }
}

function covers(boxes: readonly Occupied[], count: number, left: number, top: number, right: number, bottom: number): boolean {
  for (let i = 0; i < count; i++) {
    const box = boxes[i]
    if (left < box.right && right > box.left && top < box.bottom && bottom > box.top) return true
  }
  return false
}
